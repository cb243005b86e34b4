package dev.vidrio.cli.chat;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Collectors;

/** How answers are generated, by the names of the options of {@code vidrio run}. */
final class ChatSettings {
  /** A setting: how it is shown, and what a value makes of the options. */
  private record Setting(
      Function<GenerationOptions, String> shown,
      BiFunction<GenerationOptions, String, GenerationOptions> changed) {}

  private static final Map<String, Setting> SETTINGS = settings();

  private ChatSettings() {}

  private static Map<String, Setting> settings() {
    Map<String, Setting> all = new LinkedHashMap<>();
    all.put(
        "tokens",
        new Setting(
            options ->
                options.tokens() == Integer.MAX_VALUE
                    ? "as many as fit"
                    : Integer.toString(options.tokens()),
            (options, value) -> options.withTokens(Integer.parseInt(value))));
    decimal(all, "temperature", SamplingOptions::temperature, SamplingOptions.Builder::temperature);
    whole(all, "top-k", SamplingOptions::topK, SamplingOptions.Builder::topK);
    decimal(all, "top-p", SamplingOptions::topP, SamplingOptions.Builder::topP);
    decimal(all, "min-p", SamplingOptions::minP, SamplingOptions.Builder::minP);
    decimal(
        all,
        "repeat-penalty",
        SamplingOptions::repeatPenalty,
        SamplingOptions.Builder::repeatPenalty);
    decimal(
        all,
        "frequency-penalty",
        SamplingOptions::frequencyPenalty,
        SamplingOptions.Builder::frequencyPenalty);
    decimal(
        all,
        "presence-penalty",
        SamplingOptions::presencePenalty,
        SamplingOptions.Builder::presencePenalty);
    whole(
        all,
        "repeat-last-n",
        SamplingOptions::penaltyWindow,
        SamplingOptions.Builder::penaltyWindow);
    sampling(all, "seed", SamplingOptions::seed, (b, value) -> b.seed(Long.parseLong(value)));
    return all;
  }

  private static void decimal(
      Map<String, Setting> all,
      String name,
      Function<SamplingOptions, Double> get,
      BiFunction<SamplingOptions.Builder, Double, SamplingOptions.Builder> set) {
    sampling(all, name, get, (builder, value) -> set.apply(builder, Double.valueOf(value)));
  }

  private static void whole(
      Map<String, Setting> all,
      String name,
      Function<SamplingOptions, Integer> get,
      BiFunction<SamplingOptions.Builder, Integer, SamplingOptions.Builder> set) {
    sampling(all, name, get, (builder, value) -> set.apply(builder, Integer.valueOf(value)));
  }

  private static void sampling(
      Map<String, Setting> all,
      String name,
      Function<SamplingOptions, ?> get,
      BiFunction<SamplingOptions.Builder, String, SamplingOptions.Builder> set) {
    all.put(
        name,
        new Setting(
            options -> String.valueOf(get.apply(options.sampling())),
            (options, value) ->
                options.withSampling(set.apply(options.sampling().toBuilder(), value).build())));
  }

  /** The names of all settings. */
  static List<String> names() {
    return List.copyOf(SETTINGS.keySet());
  }

  /** All settings, one a line. */
  static String shown(GenerationOptions options) {
    return SETTINGS.entrySet().stream()
        .map(e -> "%-20s %s".formatted(e.getKey(), e.getValue().shown().apply(options)))
        .collect(Collectors.joining("\n"));
  }

  /**
   * The options with another value.
   *
   * @throws CommandException where there is no such setting, or the value is no number
   * @throws InvalidInputException where it is out of range
   */
  static GenerationOptions changed(GenerationOptions options, String name, String value) {
    Setting setting = SETTINGS.get(name);
    if (setting == null) {
      throw new CommandException(
          "/set " + name + ": no such setting; there are " + String.join(", ", SETTINGS.keySet()));
    }
    try {
      return setting.changed().apply(options, value);
    } catch (NumberFormatException e) {
      throw new CommandException(name + " " + value + ": is no number that it can be", e);
    }
  }
}
