package dev.vidrio.cli.option;

import dev.vidrio.model.Model;
import dev.vidrio.model.adapter.Adaptation;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The option that adapts the model. */
public final class AdapterOption {
  @Option(
      names = "--adapter",
      paramLabel = "FILE[=STRENGTH]",
      description = {
        "A LoRA adapter for the model: a GGUF file or a PEFT directory.",
        "STRENGTH scales the adapter. Default: 1."
      })
  private @Nullable String adapter;

  public AdapterOption() {}

  /** Whether there is one. */
  public boolean isPresent() {
    return adapter != null;
  }

  /** Opens it, to be closed with the model; null where none is asked for. */
  public @Nullable Adaptation open(Model model) {
    if (adapter == null) {
      return null;
    }
    AdapterFile file = AdapterFile.parse(adapter);
    return new Adaptation(model.openAdapter(file.path()), file.strength());
  }
}
