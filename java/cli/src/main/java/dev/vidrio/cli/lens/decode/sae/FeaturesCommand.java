package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.AdaptedLens;
import dev.vidrio.cli.lens.option.EditOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.DictionaryInputs;
import dev.vidrio.lens.decode.sae.FeatureDictionary;
import dev.vidrio.lens.decode.sae.Features;
import dev.vidrio.lens.decode.sae.cross.ActivationSources;
import dev.vidrio.lens.decode.sae.cross.Crosscoder;
import dev.vidrio.lens.decode.sae.file.DictionaryFile;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens sae features}. */
@Command(
    name = "features",
    description =
        "Shows the active features at each token of a text: their number, and the strongest.")
public final class FeaturesCommand extends TextCommand<FeaturesCommand.Found> {
  private static final int TOKEN = 16;

  @Mixin private SaeOption sae = new SaeOption();
  @Mixin private AdaptedOption adapted = new AdaptedOption();
  @Mixin private EditOption edits = new EditOption();

  @Option(
      names = "--hook",
      paramLabel = "NAMES",
      description = "The hook points of a crosscoder, if its file does not name them.")
  private String hook = "";

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Features to print per token; JSON has all.")
  private int top = 5;

  /** The active features of each token. */
  record Found(String hook, List<Features> features) {}

  @Override
  protected Found run(Lens plain, int[] tokens) {
    Lens lens = edits.apply(plain, tokens);
    try (DictionaryFile file = sae.choice().open(lens)) {
      if (file instanceof DictionaryFile.Shared(Crosscoder crosscoder)) {
        try (AdaptedLens other = adapted.open(lens)) {
          ActivationSources sources =
              crosscoder.sources(lens, hook, other == null ? null : other.lens());
          return new Found(sources.label(), crosscoder.features(sources, tokens));
        }
      }
      if (!hook.isEmpty() || adapted.isPresent()) {
        throw new UsageException("--hook, --adapter: are for crosscoders");
      }
      FeatureDictionary dictionary = sae.choice().one(lens, file);
      DictionaryInputs inputs = DictionaryInputs.of(lens, dictionary);
      try (ActivationCache cache = lens.run(tokens, inputs.capture())) {
        return new Found(inputs.names(), dictionary.encode(inputs.rows(cache)));
      }
    }
  }

  @Override
  protected void print(Found found) {
    System.out.printf(
        "%-21s %6s  %s%n", " pos token", "active", "strongest features and their activations");
    for (int i = 0; i < tokens().length; i++) {
      Features row = found.features.get(i);
      String token = TokenText.column(model(), tokens()[i], TOKEN);
      String strongest =
          ranked(row)
              .limit(Math.max(0, top))
              .map(f -> "  %-12s".formatted("#%d %.2f".formatted(row.id(f), row.value(f))))
              .collect(Collectors.joining());
      String line = "%4d %s %6d%s".formatted(i, token, row.count(), strongest);
      System.out.println(line.stripTrailing());
    }
  }

  @Override
  protected List<? extends View> views(Found found) {
    return List.of(Views.features(model(), tokens(), found.hook, found.features));
  }

  private static Stream<Integer> ranked(Features features) {
    return IntStream.range(0, features.count())
        .boxed()
        .sorted(Comparator.comparingDouble(i -> -Math.abs(features.value(i))));
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.with("hook", found.hook).with("tokens", tokens());
    object.put("features", found.features.stream().map(FeaturesCommand::toJson).toList());
  }

  private static List<JsonObject> toJson(Features row) {
    return ranked(row)
        .map(i -> new JsonObject().with("feature", row.id(i)).with("value", row.value(i)))
        .toList();
  }
}
