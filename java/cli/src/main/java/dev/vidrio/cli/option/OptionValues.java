package dev.vidrio.cli.option;

import dev.vidrio.error.InvalidInputException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/** Values of options: their spelling in the help, and their validation by the library. */
public final class OptionValues {
  private OptionValues() {}

  /**
   * Makes the help and the completion spell the values of an option as its default is spelled:
   * lower case, except for names of number formats.
   */
  public static void spellAsDefault(CommandLine line) {
    CommandSpec spec = line.getCommandSpec();
    for (OptionSpec option : List.copyOf(spec.options())) {
      String otherwise = option.defaultValue();
      if (option.type().isEnum()
          && otherwise != null
          && otherwise.equals(otherwise.toLowerCase(Locale.ROOT))) {
        List<String> values =
            Arrays.stream(option.type().getEnumConstants())
                .map(value -> ((Enum<?>) value).name().toLowerCase(Locale.ROOT))
                .toList();
        spec.remove(option);
        spec.addOption(OptionSpec.builder(option).completionCandidates(values).build());
      }
    }
    line.getSubcommands().values().forEach(OptionValues::spellAsDefault);
  }

  /**
   * Returns the result of a supplier that depends on options only.
   *
   * @throws ParameterException if the supplier rejects a value, which is wrong usage
   */
  public static <T> T of(CommandSpec command, Supplier<T> made) {
    try {
      return made.get();
    } catch (InvalidInputException e) {
      throw new ParameterException(command.commandLine(), String.valueOf(e.getMessage()), e);
    }
  }
}
