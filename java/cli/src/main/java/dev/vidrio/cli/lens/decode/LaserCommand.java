package dev.vidrio.cli.lens.decode;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.lens.option.ChunksOption;
import dev.vidrio.cli.lens.option.LayerNumber;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.RankReduction;
import dev.vidrio.lens.decode.RankReduction.Matrix;
import dev.vidrio.lens.decode.RankReduction.Quality;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens laser}. */
@Command(
    name = "laser",
    description = {
      "LASER: what the model loses or gains if one matrix of a layer keeps only its largest"
          + " singular values.",
      "One line per layer, matrix and rank: the portion of the squared norm that is kept, the mean"
          + " loss of the next token on a text in nats with a 95 %% interval, and in how many"
          + " percent of the positions it is the most likely one."
    })
public final class LaserCommand extends ModelCommand<LaserCommand.Found> {
  @Mixin private ChunksOption chunks = new ChunksOption();

  @Option(
      names = "--layers",
      paramLabel = "N",
      split = ",",
      description = "Layers, from 0; negative ones count from the end.")
  private List<Integer> layers = List.of(-1);

  @Option(
      names = "--matrix",
      paramLabel = "NAME",
      split = ",",
      description = "W_O, W_gate, W_in or W_out.")
  private List<String> names = List.of(Matrix.OUT.label());

  @Option(
      names = "--keep",
      paramLabel = "X",
      split = ",",
      description = "Portions of the rank that are kept.")
  private List<Double> portions = List.of(0.5, 0.1, 0.01);

  @Option(
      names = "--chunks",
      paramLabel = "N",
      description = "Use at most this many chunks of the text.")
  private int limit = 8;

  private List<Matrix> matrices = List.of();

  /** The qualities of the model as it is and with each reduced matrix. */
  record Found(Quality whole, List<Row> rows) {}

  /**
   * A reduced matrix.
   *
   * @param energy the portion of the squared norm that is kept
   */
  record Row(int layer, Matrix matrix, int rank, int full, double energy, Quality quality) {}

  @Override
  protected void check() {
    matrices = names.stream().map(LaserCommand::matrix).toList();
    for (double portion : portions) {
      if (!(portion > 0 && portion <= 1)) {
        throw new InvalidInputException(
            "keep", Double.toString(portion), "must be above 0 and at most 1");
      }
    }
    if (limit < 1) {
      throw new InvalidInputException("chunks", Integer.toString(limit), "must be at least 1");
    }
  }

  private static Matrix matrix(String name) {
    return Arrays.stream(Matrix.values())
        .filter(matrix -> matrix.label().equalsIgnoreCase(name))
        .findFirst()
        .orElseThrow(
            () -> new InvalidInputException("matrix", name, "must be W_O, W_gate, W_in or W_out"));
  }

  @Override
  protected Found run(Model opened) {
    Lens lens = Lens.of(opened);
    List<int[]> texts = chunks.of(opened).stream().limit(limit).toList();
    int[] chosen = layers.stream().mapToInt(layer -> LayerNumber.of(opened, layer)).toArray();
    Quality whole = RankReduction.quality(lens, texts);
    List<Row> rows = new ArrayList<>();
    int steps = chosen.length * matrices.size() * portions.size();
    try (var bar = new ProgressBar("reducing")) {
      for (int layer : chosen) {
        for (Matrix matrix : matrices) {
          bar.update(rows.size() / (double) steps, "");
          RankReduction reduction = RankReduction.of(lens, layer, matrix);
          for (double portion : portions) {
            int rank = reduction.rank(portion);
            Quality quality = reduction.quality(texts, rank);
            rows.add(
                new Row(layer, matrix, rank, reduction.rank(), reduction.energy(rank), quality));
            bar.update(rows.size() / (double) steps, "");
          }
        }
      }
    }
    return new Found(whole, rows);
  }

  @Override
  protected void print(Found found) {
    System.out.printf(
        "loss in nats and %% of correct next tokens, at %d tokens%n", found.whole.loss().count());
    System.out.printf(
        "%-12s %9s %8s %15s %8s %4s%n", "matrix", "rank", "% norm²", "loss", "change", "%");
    print("whole model", "", "", found.whole, found.whole);
    for (Row row : found.rows) {
      print(
          "L" + row.layer + "." + row.matrix.label(),
          row.rank + "/" + row.full,
          "%.1f".formatted(100 * row.energy),
          row.quality,
          found.whole);
    }
    Hint.print("'vidrio lens weights' shows the singular vectors of a matrix as tokens.");
  }

  private static void print(String name, String rank, String energy, Quality own, Quality whole) {
    System.out.printf(
        "%-12s %9s %8s %15s %+8.3f %4.0f%n",
        name,
        rank,
        energy,
        own.loss(),
        own.loss().mean() - whole.loss().mean(),
        100 * own.accuracy().mean());
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object
        .with("whole", toJson(found.whole))
        .with(
            "reduced",
            found.rows.stream()
                .map(
                    row ->
                        new JsonObject()
                            .with("layer", row.layer)
                            .with("matrix", row.matrix.label())
                            .with("rank", row.rank)
                            .with("full_rank", row.full)
                            .with("kept_norm", row.energy)
                            .with("quality", toJson(row.quality)))
                .toList());
  }

  private static JsonObject toJson(Quality quality) {
    return new JsonObject()
        .with("loss_nats", toJson(quality.loss()))
        .with("accuracy", toJson(quality.accuracy()));
  }

  private static JsonObject toJson(Estimate estimate) {
    JsonObject json = new JsonObject().with("mean", estimate.mean());
    if (Double.isFinite(estimate.halfWidth())) {
      json.put("half_width_95", estimate.halfWidth());
    }
    return json.with("count", estimate.count());
  }
}
