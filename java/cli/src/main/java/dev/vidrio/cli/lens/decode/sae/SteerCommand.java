package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.ContinuationCommand;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.SaeSplice;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.lens.decode.sae.file.DictionaryFile;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens sae steer}. */
@Command(name = "steer", description = "Continues a text with a feature set to an activation.")
public final class SteerCommand extends ContinuationCommand {
  @Mixin private SaeOption sae = new SaeOption();

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
  protected void check() {
    if (!Float.isFinite(value)) {
      throw new UsageException("--value " + value + ": must be finite");
    }
  }

  @Override
  protected Completion run(Lens lens) {
    try (DictionaryFile file = sae.choice().open(lens)) {
      if (!(sae.choice().one(lens, file) instanceof SparseAutoencoder autoencoder)) {
        throw new UsageException(
            "--sae "
                + sae.choice().directory()
                + ": features of several layers, or that depend on earlier tokens, cannot be set");
      }
      SaeSplice splice = SaeSplice.ofFeature(lens, autoencoder, !reconstruct, feature, value);
      JsonObject settings =
          new JsonObject()
              .with("hook", splice.in().name())
              .with("hook_out", splice.out().name())
              .with("feature", feature)
              .with("value", value);
      return complete(
          lens,
          splice.in() + "," + splice.out(),
          session -> session.hooks(splice.hooks()),
          settings);
    }
  }
}
