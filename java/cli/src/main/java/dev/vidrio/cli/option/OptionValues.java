package dev.vidrio.cli.option;

import dev.vidrio.error.InvalidInputException;
import java.util.function.Supplier;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Values of options whose limits those know who use them. */
public final class OptionValues {
  private OptionValues() {}

  /**
   * What is made of the values of options alone.
   *
   * @throws ParameterException where a value is beyond a limit: that is wrong usage
   */
  public static <T> T of(CommandSpec command, Supplier<T> made) {
    try {
      return made.get();
    } catch (InvalidInputException e) {
      throw new ParameterException(command.commandLine(), String.valueOf(e.getMessage()), e);
    }
  }
}
