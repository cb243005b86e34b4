package dev.vidrio.cli.option;

import dev.vidrio.cli.io.UsageException;
import dev.vidrio.error.InvalidInputException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Values of options: their spelling in the help, and their validation by the library. */
public final class OptionValues {
  private OptionValues() {}

  /**
   * Refines the help of a command and its subcommands. The values of an option are spelled as its
   * default, in lower case except for names of number formats, also by the completion. A
   * description ends with the default of its option, unless it describes the default itself or the
   * option hides it. {@code --json} gets the description of {@link JsonHelp}, {@code --model} that
   * of {@link ModelHelp}.
   */
  public static void refineHelp(CommandLine line) {
    CommandSpec spec = line.getCommandSpec();
    Class<?> command = line.getCommand().getClass();
    JsonHelp json = command.getAnnotation(JsonHelp.class);
    ModelHelp model = command.getAnnotation(ModelHelp.class);
    for (OptionSpec option : List.copyOf(spec.options())) {
      OptionSpec.Builder refined = OptionSpec.builder(option);
      if (json != null && option.longestName().equals("--json")) {
        refined.description(json.value());
      } else if (model != null && option.longestName().equals("--model")) {
        refined.description(model.value());
      } else if (showsDefault(option)) {
        String[] description = refined.description().clone();
        description[description.length - 1] += " Default: ${DEFAULT-VALUE}.";
        refined.description(description);
        if (option.type().isEnum() && isLowerCase(option.defaultValue())) {
          refined.completionCandidates(
              Arrays.stream(option.type().getEnumConstants())
                  .map(value -> ((Enum<?>) value).name().toLowerCase(Locale.ROOT))
                  .toList());
        }
      } else {
        continue;
      }
      spec.remove(option);
      spec.addOption(refined.build());
    }
    line.getSubcommands().values().forEach(OptionValues::refineHelp);
  }

  private static boolean showsDefault(OptionSpec option) {
    return (option.defaultValue() != null || option.initialValue() != null)
        && !option.required()
        && !option.isMultiValue()
        && option.arity().max() > 0
        && option.showDefaultValue() != Help.Visibility.NEVER
        && Arrays.stream(option.description()).noneMatch(text -> text.contains("Default:"));
  }

  private static boolean isLowerCase(@Nullable String value) {
    return value != null && value.equals(value.toLowerCase(Locale.ROOT));
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

  /**
   * Runs a check that depends on options only.
   *
   * @throws UsageException if it rejects a value, which is wrong usage
   */
  public static void check(Runnable check) {
    var _ =
        of(
            () -> {
              check.run();
              return true;
            });
  }
}
