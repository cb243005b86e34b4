package dev.vidrio.cli.lens.decode;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.ChunksOption;
import dev.vidrio.cli.lens.option.LensFiles;
import dev.vidrio.cli.lens.option.PageCommand;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.LensComparison;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.page.Grid;
import dev.vidrio.lens.page.View;
import dev.vidrio.model.Model;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens fidelity}. */
@Command(
    name = "fidelity",
    description = {
      "Compares the logit lens with a tuned lens, a Jacobian lens and a future lens, on a text that"
          + " they were not fitted to.",
      "One line per layer: the mean KL divergence of each lens from the model's prediction, in bits"
          + " with a 95 %% interval, and in how many percent of the positions both consider the"
          + " same token most likely. The future lens is compared with the prediction that it was"
          + " trained for, some tokens later."
    })
public final class FidelityCommand extends PageCommand<LensComparison> {
  @Mixin private ChunksOption chunks = new ChunksOption();
  @Mixin private LensFiles files = new LensFiles();

  @Option(names = "--hooks", paramLabel = "NAMES", description = "The residual streams to read.")
  private String hooks = "*.hook_resid_post";

  @Option(
      names = "--chunks",
      paramLabel = "N",
      description = "Use at most this many chunks of the text.")
  private int limit = 8;

  private int ahead;

  @Override
  protected void check() {
    super.check();
    if (limit < 1) {
      throw new InvalidInputException("chunks", Integer.toString(limit), "must be at least 1");
    }
  }

  @Override
  protected LensComparison run(Model opened) {
    Lens lens = Lens.of(opened);
    Map<String, LogitLens.Translation> lenses = new LinkedHashMap<>();
    lenses.put("logit", LogitLens.Translation.NONE);
    lenses.putAll(files.all(lens));
    ahead = lenses.values().stream().mapToInt(LogitLens.Translation::ahead).max().orElse(0);
    List<int[]> all = chunks.of(opened);
    List<int[]> texts =
        all.stream().filter(tokens -> tokens.length >= 2 + ahead).limit(limit).toList();
    if (texts.isEmpty()) {
      throw new InvalidInputException(
          "text",
          all.getFirst().length + " tokens",
          "must have a chunk of at least " + (2 + ahead) + " tokens");
    }
    return LensComparison.of(lens, texts, hooks, lenses);
  }

  @Override
  protected void print(LensComparison found) {
    System.out.printf(
        "KL(model ‖ lens) in bits, and %% of equal predictions, after %d tokens%s%n",
        found.count(), ahead == 0 ? "" : "; the future lens predicts " + ahead + " later");
    var head = new StringBuilder("%-28s".formatted("hook"));
    found.scores().keySet().forEach(name -> head.append("%15s    %%".formatted(name)));
    System.out.println(head);
    for (HookPoint point : found.points()) {
      var line = new StringBuilder("%-28s".formatted(point.name()));
      for (List<LensComparison.Score> scores : found.scores().values()) {
        LensComparison.Score score = scores.get(found.points().indexOf(point));
        line.append(
            "%15s %4.0f"
                .formatted(score.divergence().format("%.2f", 1), 100 * score.agreement().mean()));
      }
      System.out.println(line);
    }
    Hint.print("'vidrio lens tune' and 'vidrio lens jacobian' fit lenses to a text.");
  }

  @Override
  protected void fill(JsonObject object, LensComparison found) {
    var points = new JsonObject();
    for (int row = 0; row < found.points().size(); row++) {
      var lenses = new JsonObject();
      for (Map.Entry<String, List<LensComparison.Score>> each : found.scores().entrySet()) {
        LensComparison.Score score = each.getValue().get(row);
        lenses.put(
            each.getKey(),
            new JsonObject()
                .with("kl_bits", toJson(score.divergence()))
                .with("agreement", toJson(score.agreement())));
      }
      points.put(found.points().get(row).name(), lenses);
    }
    object.with("predictions", found.count());
    if (ahead > 0) {
      object.put("ahead", ahead);
    }
    object.put("hooks", points);
  }

  private static JsonObject toJson(Estimate estimate) {
    JsonObject json = new JsonObject().with("mean", estimate.mean());
    if (Double.isFinite(estimate.halfWidth())) {
      json.put("half_width_95", estimate.halfWidth());
    }
    return json.with("count", estimate.count());
  }

  @Override
  protected List<? extends View> views(LensComparison found) {
    List<String> names = List.copyOf(found.scores().keySet());
    return List.of(
        Grid.heatMap(
            "Lenses compared",
            "How far the prediction of each lens is from that of the model, by layer.",
            "hook",
            found.points().stream().map(HookPoint::name).toList(),
            "lens",
            names,
            List.of(
                Grid.Measure.of(
                    "KL(model ‖ lens) in bits",
                    Grid.Scale.SEQUENTIAL,
                    values(found, score -> score.divergence().mean())),
                Grid.Measure.of(
                    "portion of equal predictions",
                    Grid.Scale.SEQUENTIAL,
                    0,
                    1,
                    values(found, score -> score.agreement().mean())))));
  }

  private static double[][] values(
      LensComparison found, ToDoubleFunction<LensComparison.Score> value) {
    var rows = new double[found.points().size()][];
    for (int row = 0; row < rows.length; row++) {
      int at = row;
      rows[row] =
          found.scores().values().stream()
              .mapToDouble(scores -> value.applyAsDouble(scores.get(at)))
              .toArray();
    }
    return rows;
  }
}
