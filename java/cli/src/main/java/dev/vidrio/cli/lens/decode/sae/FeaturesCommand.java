package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.Features;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens sae features}. */
@Command(
    name = "features",
    description =
        "Shows the active features at each token of a text: their number, and the strongest.")
public final class FeaturesCommand implements Callable<Integer> {
  private static final int TOKEN = 16;

  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextInput input = new TextInput();
  @Mixin private SaeOption sae = new SaeOption();

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Features to print per token; JSON has all. Default: ${DEFAULT-VALUE}.")
  private int top = 5;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Override
  public Integer call() {
    try (Model opened = model.open();
        SparseAutoencoder autoencoder = sae.open(opened)) {
      int[] tokens = input.requiredIds(opened);
      String hook = autoencoder.config().hookIn();
      try (ActivationCache cache = Lens.of(opened).run(tokens, Capture.of(hook))) {
        var rows = new float[tokens.length][];
        for (int i = 0; i < rows.length; i++) {
          rows[i] = cache.get(cache.points().getFirst()).row(i);
        }
        List<Features> features = autoencoder.encode(rows);
        if (json) {
          Json.print(contents(opened, hook, tokens, features));
        } else {
          print(opened, tokens, features);
        }
      }
    }
    return 0;
  }

  private void print(Model opened, int[] tokens, List<Features> features) {
    System.out.printf(
        "%-21s %6s  %s%n", " pos token", "active", "strongest features and their activations");
    for (int i = 0; i < tokens.length; i++) {
      Features row = features.get(i);
      var line = new StringBuilder();
      for (int f : ranked(row).stream().limit(Math.max(0, top)).toList()) {
        String value = String.format("%.2f", row.value(f));
        line.append("  ").append("%-12s".formatted("#" + row.id(f) + " " + value));
      }
      System.out.println(
          "%4d %s %6d%s"
              .formatted(i, TokenText.column(opened, tokens[i], TOKEN), row.count(), line)
              .stripTrailing());
    }
  }

  private static List<Integer> ranked(Features features) {
    return IntStream.range(0, features.count())
        .boxed()
        .sorted(Comparator.comparingDouble(i -> -features.value(i)))
        .toList();
  }

  private static Map<String, Object> contents(
      Model opened, String hook, int[] tokens, List<Features> features) {
    List<List<Map<String, Object>>> rows = new ArrayList<>();
    for (Features row : features) {
      List<Map<String, Object>> entries = new ArrayList<>();
      for (int i : ranked(row)) {
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("feature", row.id(i));
        entry.put("value", row.value(i));
        entries.add(entry);
      }
      rows.add(entries);
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("hook", hook);
    result.put("tokens", tokens);
    result.put("features", rows);
    return result;
  }
}
