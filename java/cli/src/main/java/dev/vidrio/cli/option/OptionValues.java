package dev.vidrio.cli.option;

import dev.vidrio.cli.io.UsageException;
import dev.vidrio.error.InvalidInputException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Values of options: their spelling in the help, and their validation by the library. */
public final class OptionValues {
  private OptionValues() {}

  /**
   * Refines the help of a command and its subcommands. The values of an option are spelled as its
   * default, in lower case except for names of number formats, also by the completion; {@code
   * --json} gets the description of {@link JsonHelp}.
   */
  public static void refineHelp(CommandLine line) {
    CommandSpec spec = line.getCommandSpec();
    JsonHelp json = line.getCommand().getClass().getAnnotation(JsonHelp.class);
    for (OptionSpec option : List.copyOf(spec.options())) {
      String otherwise = option.defaultValue();
      if (option.type().isEnum()
          && otherwise != null
          && otherwise.equals(otherwise.toLowerCase(Locale.ROOT))) {
        List<String> values =
            Arrays.stream(option.type().getEnumConstants())
                .map(value -> ((Enum<?>) value).name().toLowerCase(Locale.ROOT))
                .toList();
        replace(spec, option, OptionSpec.builder(option).completionCandidates(values));
      } else if (json != null && option.longestName().equals("--json")) {
        replace(spec, option, OptionSpec.builder(option).description(json.value()));
      }
    }
    line.getSubcommands().values().forEach(OptionValues::refineHelp);
  }

  private static void replace(CommandSpec spec, OptionSpec option, OptionSpec.Builder refined) {
    spec.remove(option);
    spec.addOption(refined.build());
  }

  /**
   * Returns the result of a supplier that depends on options only.
   *
   * @throws UsageException if the supplier rejects a value, which is wrong usage
   */
  public static <T> T of(Supplier<T> made) {
    try {
      return made.get();
    } catch (InvalidInputException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
  }
}
