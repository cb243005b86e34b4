package dev.vidrio.cli.option;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * An adapter as users write it: {@code FILE[=STRENGTH]}.
 *
 * @param strength multiplies what it adds: 1 where none is given
 */
public record AdapterFile(Path path, float strength) {

  public static AdapterFile parse(String text) {
    int equals = text.lastIndexOf('=');
    Float strength = equals < 0 ? null : number(text.substring(equals + 1));
    return strength == null
        ? new AdapterFile(Path.of(text), 1)
        : new AdapterFile(Path.of(text.substring(0, equals)), strength);
  }

  /** A file's name may have an equals sign: what follows is a strength where it is a number. */
  private static @Nullable Float number(String text) {
    try {
      return Float.valueOf(text);
    } catch (NumberFormatException e) {
      return null;
    }
  }
}
