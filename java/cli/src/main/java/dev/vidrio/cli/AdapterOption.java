package dev.vidrio.cli;

import dev.vidrio.model.Adaptation;
import dev.vidrio.model.Adapter;
import dev.vidrio.model.Model;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The option that adapts the model. */
final class AdapterOption {
  @Option(
      names = "--adapter",
      paramLabel = "FILE[=STRENGTH]",
      description = {
        "A low-rank adapter (LoRA) of the model: a GGUF file, or a directory of PEFT.",
        "STRENGTH multiplies what it adds. Default: 1."
      })
  private @Nullable String adapter;

  AdapterOption() {}

  /** Whether there is one. */
  boolean isPresent() {
    return adapter != null;
  }

  /** Opens it, to be closed with the model; null where none is asked for. */
  @Nullable Adaptation open(Model model) {
    if (adapter == null) {
      return null;
    }
    int equals = adapter.lastIndexOf('=');
    Float strength = equals < 0 ? null : number(adapter.substring(equals + 1));
    return strength == null
        ? new Adaptation(Adapter.open(model, Path.of(adapter)), 1)
        : new Adaptation(Adapter.open(model, Path.of(adapter.substring(0, equals))), strength);
  }

  /** A file's name may have an equals sign: what follows is a strength where it is a number. */
  private static @Nullable Float number(String text) {
    try {
      return Float.valueOf(text);
    } catch (NumberFormatException e) {
      return null;
    }
  }
}
