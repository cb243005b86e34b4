package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.lens.option.AdaptedLens;
import dev.vidrio.cli.option.AdapterFile;
import dev.vidrio.lens.Lens;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The option of the second model of a crosscoder. */
final class AdaptedOption {
  @Option(
      names = "--adapter",
      paramLabel = "FILE[=STRENGTH]",
      description =
          "A LoRA adapter (a GGUF file or a PEFT directory): the crosscoder is one of two models,"
              + " without and with it.")
  private @Nullable AdapterFile adapter;

  boolean isPresent() {
    return adapter != null;
  }

  /** Opens the adapter for the model of a lens; null if none is given. */
  @Nullable AdaptedLens open(Lens lens) {
    return adapter == null ? null : AdaptedLens.open(lens, adapter);
  }
}
