package dev.vidrio.cli.lens.intervene;

import dev.vidrio.cli.lens.option.LayerNumber;
import dev.vidrio.cli.lens.option.LensCompletion;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.intervene.SteeringVector;
import dev.vidrio.model.Model;
import dev.vidrio.tokenizer.EncodeOptions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens steer}. */
@Command(
    name = "steer",
    description = {
      "Steering: continues a text with a direction added to the residual stream.",
      "The direction is the layer's mean activation over the texts of --plus minus that over the"
          + " texts of --minus."
    })
public final class SteerCommand implements Callable<Integer> {
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextInput input = new TextInput();
  @Mixin private LensCompletion completion = new LensCompletion();

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
      names = "--layer",
      paramLabel = "L",
      required = true,
      description = "The layer after which to add the direction; -1 is the last.")
  private int layer;

  @Option(
      names = "--strength",
      paramLabel = "S",
      defaultValue = "1",
      description = "Factor on the direction; 0 changes nothing. Default: ${DEFAULT-VALUE}.")
  private float strength;

  @Override
  public Integer call() {
    try (Model opened = model.open()) {
      int[] prompt = input.requiredIds(opened);
      Lens lens = Lens.of(opened);
      var point = new HookPoint(HookSite.RESID_POST, LayerNumber.of(opened, layer));
      var vector = SteeringVector.of(lens, point, encode(opened, plus), encode(opened, minus));
      List<Integer> ids =
          completion.run(
              lens, point.name(), session -> session.edits(List.of(vector.edit(strength))), prompt);
      if (completion.isJson()) {
        Map<String, Object> own = new LinkedHashMap<>();
        own.put("hook", vector.point().name());
        own.put("norm", vector.norm());
        own.put("strength", strength);
        LensCompletion.print(opened, own, prompt, ids);
      }
    }
    return 0;
  }

  private static List<int[]> encode(Model opened, List<String> texts) {
    return texts.stream()
        .map(text -> opened.tokenizer().encode(text, EncodeOptions.DEFAULT))
        .toList();
  }
}
