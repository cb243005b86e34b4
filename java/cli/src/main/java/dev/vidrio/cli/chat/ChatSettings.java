package dev.vidrio.cli.chat;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The generation settings of a chat, with the names of the options of {@code vidrio run}. */
final class ChatSettings {
  /** A setting: its name, its getter and its setter. */
  private record Setting(
      String name,
      Function<GenerationOptions, Object> get,
      BiFunction<GenerationOptions, String, GenerationOptions> set) {}

  private static final List<Setting> SETTINGS =
      List.of(
          new Setting(
              "tokens", ChatSettings::tokens, (o, value) -> o.withTokens(Integer.parseInt(value))),
          decimal("temperature", SamplingOptions::temperature, (b, x) -> b.temperature(x)),
          whole("top-k", SamplingOptions::topK, (b, n) -> b.topK(n)),
          decimal("top-p", SamplingOptions::topP, (b, x) -> b.topP(x)),
          decimal("min-p", SamplingOptions::minP, (b, x) -> b.minP(x)),
          decimal("repeat-penalty", SamplingOptions::repeatPenalty, (b, x) -> b.repeatPenalty(x)),
          decimal(
              "frequency-penalty",
              SamplingOptions::frequencyPenalty,
              (b, x) -> b.frequencyPenalty(x)),
          decimal(
              "presence-penalty", SamplingOptions::presencePenalty, (b, x) -> b.presencePenalty(x)),
          whole("repeat-last-n", SamplingOptions::penaltyWindow, (b, n) -> b.penaltyWindow(n)),
          sampling("seed", SamplingOptions::seed, (b, value) -> b.seed(Long.parseLong(value))));

  private ChatSettings() {}

  private static Object tokens(GenerationOptions options) {
    return options.tokens() == Integer.MAX_VALUE ? "up to the context length" : options.tokens();
  }

  private static Setting decimal(
      String name,
      Function<SamplingOptions, Double> get,
      BiFunction<SamplingOptions.Builder, Double, SamplingOptions.Builder> set) {
    return sampling(name, get, (builder, value) -> set.apply(builder, Double.valueOf(value)));
  }

  private static Setting whole(
      String name,
      Function<SamplingOptions, Integer> get,
      BiFunction<SamplingOptions.Builder, Integer, SamplingOptions.Builder> set) {
    return sampling(name, get, (builder, value) -> set.apply(builder, Integer.valueOf(value)));
  }

  private static Setting sampling(
      String name,
      Function<SamplingOptions, ?> get,
      BiFunction<SamplingOptions.Builder, String, SamplingOptions.Builder> set) {
    return new Setting(
        name,
        options -> get.apply(options.sampling()),
        (options, value) ->
            options.withSampling(set.apply(options.sampling().toBuilder(), value).build()));
  }

  /** Returns the names of all settings. */
  static List<String> names() {
    return SETTINGS.stream().map(Setting::name).toList();
  }

  /** Returns all settings, one per line. */
  static String shown(GenerationOptions options) {
    return SETTINGS.stream()
        .map(setting -> "%-20s %s".formatted(setting.name, setting.get.apply(options)))
        .collect(Collectors.joining("\n"));
  }

  /**
   * Returns the options with a changed setting.
   *
   * @throws CommandException if the setting is unknown or the value is not a number
   * @throws InvalidInputException if the value is out of range
   */
  static GenerationOptions changed(GenerationOptions options, String name, String value) {
    for (Setting setting : SETTINGS) {
      if (setting.name.equals(name)) {
        try {
          return setting.set.apply(options, value);
        } catch (NumberFormatException e) {
          throw new CommandException(name + " " + value + ": not a valid number", e);
        }
      }
    }
    throw new CommandException(
        "/set " + name + ": no such setting; available: " + String.join(", ", names()));
  }
}
