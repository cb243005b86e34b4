package dev.vidrio.cli.lens.intervene;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.ContinuationCommand;
import dev.vidrio.cli.lens.option.LayerNumber;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.probe.ConceptDirections;
import dev.vidrio.lens.intervene.SteeringVector;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vidrio lens steer}. */
@Command(
    name = "steer",
    description = {
      "Steering: continues a text with a direction added to the residual stream.",
      "The direction is the layer's mean activation over the texts of --plus minus that over the"
          + " texts of --minus, unless --direction selects another. --metric, --token or --versus"
          + " also measures the next token without and with it."
    })
public final class SteerCommand extends ContinuationCommand {
  @Option(
      names = "--plus",
      paramLabel = "TEXT",
      required = true,
      description = "A text with the wanted property; may be repeated.")
  private List<String> plus = new ArrayList<>();

  @Option(
      names = "--minus",
      paramLabel = "TEXT",
      required = true,
      description = "A text without it; may be repeated.")
  private List<String> minus = new ArrayList<>();

  @Option(
      names = "--direction",
      paramLabel = "METHOD",
      defaultValue = "means",
      description = {
        "How to find the direction: ${COMPLETION-CANDIDATES}.",
        "pca is the first principal component of the differences of the first texts of --plus and"
            + " --minus, the second ones and so on; k_means the difference of the centroids of two"
            + " clusters. Their lengths are comparable."
      })
  private ConceptDirections.Method direction = ConceptDirections.Method.MEANS;

  @Option(
      names = "--layer",
      paramLabel = "L",
      required = true,
      description = "The layer after which to add the direction; -1 is the last.")
  private int layer;

  @Option(
      names = "--strength",
      paramLabel = "S",
      defaultValue = "1",
      description = "Factor on the direction; 0 changes nothing.")
  private float strength;

  @Override
  protected Completion run(Lens lens) {
    Model opened = lens.model();
    var point = new HookPoint(HookSite.RESID_POST, LayerNumber.of(opened, layer));
    var vector =
        SteeringVector.of(lens, point, encode(opened, plus), encode(opened, minus), direction);
    JsonObject settings =
        new JsonObject()
            .with("hook", point.name())
            .with("direction", direction.name().toLowerCase(Locale.ROOT))
            .with("norm", vector.norm())
            .with("strength", strength);
    return complete(
        lens, point.name(), session -> session.edits(List.of(vector.edit(strength))), settings);
  }

  private static List<int[]> encode(Model opened, List<String> texts) {
    return texts.stream().map(opened.tokenizer()::encode).toList();
  }
}
