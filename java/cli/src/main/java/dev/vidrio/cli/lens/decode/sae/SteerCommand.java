package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.lens.option.LensCompletion;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.SaeSplice;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.model.Model;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens sae steer}. */
@Command(name = "steer", description = "Continues a text with a feature set to an activation.")
public final class SteerCommand implements Callable<Integer> {
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextInput input = new TextInput();
  @Mixin private SaeOption sae = new SaeOption();
  @Mixin private LensCompletion completion = new LensCompletion();

  @Option(
      names = "--feature",
      paramLabel = "N",
      required = true,
      description = "The number of the feature.")
  private int feature;

  @Option(
      names = "--value",
      paramLabel = "X",
      required = true,
      description = "Its activation at every token; 0 ablates it.")
  private float value;

  @Option(
      names = "--reconstruct",
      description = "Give the model only the reconstruction, without the error term.")
  private boolean reconstruct;

  @Override
  public Integer call() {
    try (Model opened = model.open();
        SparseAutoencoder autoencoder = sae.open(opened)) {
      int[] prompt = input.requiredIds(opened);
      Lens lens = Lens.of(opened);
      SaeSplice splice = SaeSplice.ofFeature(lens, autoencoder, !reconstruct, feature, value);
      List<Integer> ids =
          completion.run(
              lens,
              splice.in() + "," + splice.out(),
              session -> session.hooks(splice.hooks()),
              prompt);
      if (completion.isJson()) {
        Map<String, Object> own = new LinkedHashMap<>();
        own.put("hook", splice.in().name());
        own.put("hook_out", splice.out().name());
        own.put("feature", feature);
        own.put("value", value);
        LensCompletion.print(opened, own, prompt, ids);
      }
    }
    return 0;
  }
}
