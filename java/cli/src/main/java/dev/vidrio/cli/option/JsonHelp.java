package dev.vidrio.cli.option;

import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** Describes the option {@code --json} of a {@link ModelCommand} in place of "Print JSON.". */
@Inherited
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface JsonHelp {
  /** Returns the description. */
  String value();
}
