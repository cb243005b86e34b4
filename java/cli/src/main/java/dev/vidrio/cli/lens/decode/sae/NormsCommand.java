package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.CrossLayerTranscoder;
import dev.vidrio.lens.decode.sae.cross.Crosscoder;
import dev.vidrio.lens.decode.sae.file.DictionaryFile;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens sae norms}. */
@Command(
    name = "norms",
    description = {
      "Shows where the features of a crosscoder or cross-layer transcoder are, by the norms of"
          + " their decoders: the share of each activation, for the features with most of it.",
      "Of two models, the share of the second is the relative norm: 0 is a feature of the model"
          + " without the adapter alone, 1 one of the model with it alone."
    })
@JsonHelp("Print JSON, with the norms of all features.")
public final class NormsCommand extends ModelCommand<NormsCommand.Found> {
  /** Bins of the histogram of relative norms. */
  private static final int BINS = 10;

  @Mixin private SaeOption sae = new SaeOption();

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Features to print for each activation; JSON has all.")
  private int top = 3;

  /**
   * A feature.
   *
   * @param norms of its decoders for each activation
   */
  record Row(String feature, List<Double> norms) {
    double sum() {
      return norms.stream().mapToDouble(Double::doubleValue).sum();
    }

    double share(int activation) {
      return sum() == 0 ? 0 : norms.get(activation) / sum();
    }
  }

  /**
   * The norms.
   *
   * @param models whether the activations are of two models
   */
  record Found(List<String> activations, boolean models, List<Row> rows) {}

  @Override
  protected Found run(Model opened) {
    try (DictionaryFile file = sae.choice().open(Lens.of(opened))) {
      return switch (file) {
        case DictionaryFile.Single _, DictionaryFile.Temporal _ ->
            throw new UsageException(
                "--sae "
                    + sae.choice().directory()
                    + ": has one output; norms are those of a crosscoder or"
                    + " cross-layer transcoder");
        case DictionaryFile.CrossLayer(CrossLayerTranscoder transcoder) -> of(transcoder);
        case DictionaryFile.Shared(Crosscoder crosscoder) -> of(crosscoder);
      };
    }
  }

  private static Found of(Crosscoder crosscoder) {
    List<Row> rows = new ArrayList<>();
    for (int f = 0; f < crosscoder.features(); f++) {
      rows.add(new Row("#" + f, Arrays.stream(crosscoder.norms(f)).boxed().toList()));
    }
    List<String> names =
        crosscoder.isOfModels()
            ? List.of("without", "with")
            : IntStream.range(0, crosscoder.activations())
                .mapToObj(s -> name(crosscoder.hooksIn(), s))
                .toList();
    return new Found(names, crosscoder.activations() == 2, rows);
  }

  private static String name(List<String> hooks, int activation) {
    return hooks.isEmpty() ? Integer.toString(activation) : hooks.get(activation);
  }

  private static Found of(CrossLayerTranscoder transcoder) {
    List<Row> rows = new ArrayList<>();
    for (int l = 0; l < transcoder.layers(); l++) {
      for (int f = 0; f < transcoder.features(l); f++) {
        double[] norms = transcoder.norms(l, f);
        rows.add(new Row("L" + l + ".F" + f, Arrays.stream(norms).boxed().toList()));
      }
    }
    List<String> names =
        IntStream.range(0, transcoder.layers()).mapToObj(l -> transcoder.output(l).name()).toList();
    return new Found(names, false, rows);
  }

  @Override
  protected void print(Found found) {
    int count = found.activations.size();
    System.out.printf("%d features; %% of a feature's norms by activation%n", found.rows.size());
    for (int s = 0; s < count; s++) {
      System.out.printf("%5s  %s%n", "[" + s + "]", found.activations.get(s));
    }
    System.out.printf("%-10s%8s%s%n", "feature", "norm", columns(count));
    double[] means = new double[count];
    for (Row row : found.rows) {
      for (int s = 0; s < count; s++) {
        means[s] += 100 * row.share(s) / found.rows.size();
      }
    }
    double norm = found.rows.stream().mapToDouble(Row::sum).average().orElse(0);
    System.out.printf("%-10s%8.2f%s%n", "mean", norm, cells(means));
    for (int s = 0; s < count; s++) {
      for (Row row : most(found, s)) {
        double[] shares = IntStream.range(0, count).mapToDouble(i -> 100 * row.share(i)).toArray();
        System.out.printf("%-10s%8.2f%s%n", row.feature, row.sum(), cells(shares));
      }
    }
    if (found.models) {
      printHistogram(found.rows);
    }
  }

  private List<Row> most(Found found, int activation) {
    return found.rows.stream()
        .sorted(Comparator.comparingDouble(row -> -row.share(activation)))
        .limit(Math.max(0, top))
        .toList();
  }

  private static String columns(int count) {
    var line = new StringBuilder();
    for (int s = 0; s < count; s++) {
      line.append("%6s".formatted("[" + s + "]"));
    }
    return line.toString();
  }

  private static String cells(double[] values) {
    var line = new StringBuilder();
    for (double value : values) {
      line.append("%6.1f".formatted(value));
    }
    return line.toString();
  }

  private static void printHistogram(List<Row> rows) {
    var counts = new int[BINS];
    for (Row row : rows) {
      counts[(int) Math.min(BINS - 1, row.share(1) * BINS)]++;
    }
    System.out.println("relative norm   features");
    for (int b = 0; b < BINS; b++) {
      System.out.printf(
          "%.1f to %.1f %13d%n", b / (double) BINS, (b + 1) / (double) BINS, counts[b]);
    }
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.put("activations", found.activations);
    object.put(
        "features",
        found.rows.stream()
            .map(
                row -> {
                  JsonObject feature =
                      new JsonObject().with("feature", row.feature).with("norms", row.norms);
                  if (found.models) {
                    feature.put("relative_norm", Json.finite(row.share(1)));
                  }
                  return feature;
                })
            .toList());
  }
}
