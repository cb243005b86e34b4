package dev.vidrio.cli.lens.fact;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.EstimateTable;
import dev.vidrio.cli.lens.option.EstimateText;
import dev.vidrio.cli.lens.option.OutputFile;
import dev.vidrio.cli.lens.option.PageCommand;
import dev.vidrio.cli.lens.option.TensorOutput;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.fact.TruthDirections;
import dev.vidrio.lens.fact.TruthDirections.Pair;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.page.View;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens facts truth}. */
@Command(
    name = "truth",
    description = {
      "Directions of truth: does the residual stream tell true statements from false ones?",
      "A true statement is a prompt with its answer and a period; a false one has the answer of the"
          + " next fact with the same prompt. accuracy: the share, in percent, judged right along"
          + " the difference of the means of other facts, at the last token; control: if truth is"
          + " assigned at random to these."
    })
public final class TruthCommand extends PageCommand<TruthCommand.Found> {
  @Mixin private KnownFacts facts = new KnownFacts();

  @Option(
      names = "--folds",
      paramLabel = "N",
      description = "Parts of the facts; each is judged by the others.")
  private int folds = 5;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Seed of the random truth of the control.")
  private long seed;

  @Option(
      names = "--save",
      paramLabel = "FILE.safetensors",
      description = "Write the direction of each layer, by its hook point, for --edit.")
  private @Nullable Path save;

  /**
   * The directions.
   *
   * @param pairs the number of true and false statements each
   */
  record Found(int pairs, TruthDirections truth) {
    Map<String, List<Estimate>> columns() {
      Map<String, List<Estimate>> columns = new LinkedHashMap<>();
      columns.put("accuracy", truth.accuracy());
      columns.put("control", truth.control());
      return columns;
    }
  }

  @Override
  protected void check() {
    super.check();
    UsageException.requireAtLeast("--folds", folds, 2);
    if (save != null) {
      OutputFile.check(save, ".safetensors");
    }
  }

  @Override
  protected Found run(Model opened) throws IOException {
    Lens lens = Lens.of(opened);
    List<Pair> pairs =
        facts.of(lens).contradicted().stream()
            .map(
                fact ->
                    Pair.of(
                        opened,
                        fact.line().subject(),
                        fact.line().prompt(),
                        fact.line().answer(),
                        fact.other()))
            .toList();
    var found = new Found(pairs.size(), TruthDirections.of(lens, pairs, folds, seed));
    if (save != null) {
      TensorOutput.write(save, modelName(), byPoint(found.truth));
    }
    return found;
  }

  private static Map<String, List<float[]>> byPoint(TruthDirections truth) {
    Map<String, List<float[]>> directions = new LinkedHashMap<>();
    for (int l = 0; l < truth.directions().size(); l++) {
      List<Float> row = truth.directions().get(l);
      var vector = new float[row.size()];
      for (int j = 0; j < vector.length; j++) {
        vector[j] = row.get(j);
      }
      directions.put(
          new HookPoint(HookSite.RESID_POST, l).name(), new ArrayList<>(List.of(vector)));
    }
    return directions;
  }

  @Override
  protected void print(Found found) {
    System.out.printf(
        "%d true and %d false statements, judged in %d parts%n", found.pairs, found.pairs, folds);
    System.out.println("share judged right in %, ± 95 % interval");
    EstimateTable.print(found.columns());
    Hint.print("'--save FILE.safetensors' writes the directions for 'vidrio lens edit'.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.put("pairs", found.pairs);
    object.put("folds", folds);
    found.columns().forEach((name, layers) -> object.put(name, EstimateText.toJson(layers)));
  }

  @Override
  protected List<? extends View> views(Found found) {
    return List.of(
        EstimateTable.grid(
            "Directions of truth",
            "Share of statements judged right along the difference of the means of true and false"
                + " ones, "
                + found.pairs
                + " of each.",
            "share",
            found.columns()));
  }
}
