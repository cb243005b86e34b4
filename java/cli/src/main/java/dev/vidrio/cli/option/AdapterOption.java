package dev.vidrio.cli.option;

import dev.vidrio.model.Model;
import dev.vidrio.model.adapter.Adaptation;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The option of a LoRA adapter for the model. */
public final class AdapterOption {
  @Option(
      names = "--adapter",
      paramLabel = "FILE[=STRENGTH]",
      description = {
        "A LoRA adapter for the model: a GGUF file or a PEFT directory.",
        "STRENGTH scales the adapter. Default: 1."
      })
  private @Nullable String adapter;

  /** Returns whether an adapter is given. */
  public boolean isPresent() {
    return adapter != null;
  }

  /** Opens the adapter, which is closed with the model; null if none is given. */
  public @Nullable Adaptation open(Model model) {
    if (adapter == null) {
      return null;
    }
    AdapterFile file = AdapterFile.parse(adapter);
    return new Adaptation(model.openAdapter(file.path()), file.strength());
  }
}
