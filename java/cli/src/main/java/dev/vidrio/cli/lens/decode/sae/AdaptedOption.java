package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.option.AdapterFile;
import dev.vidrio.lens.Lens;
import dev.vidrio.model.adapter.Adaptation;
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
  private @Nullable String adapter;

  boolean isPresent() {
    return adapter != null;
  }

  /** Returns the lens of the model with the adapter, or null if none is given. */
  @Nullable Lens of(Lens lens) {
    if (adapter == null) {
      return null;
    }
    AdapterFile file = AdapterFile.parse(adapter);
    return lens.adapted(new Adaptation(lens.model().openAdapter(file.path()), file.strength()));
  }
}
