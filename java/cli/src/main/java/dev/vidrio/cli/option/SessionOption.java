package dev.vidrio.cli.option;

import dev.vidrio.model.Model;
import dev.vidrio.model.session.SessionOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options of a session: precision and a LoRA adapter. */
public final class SessionOption {
  @Mixin private PrecisionOption precision = new PrecisionOption();

  @Option(
      names = "--adapter",
      paramLabel = "FILE[=STRENGTH]",
      description = {
        "A LoRA adapter for the model: a GGUF file or a PEFT directory.",
        "STRENGTH scales the adapter. Default: 1."
      })
  private @Nullable AdapterFile adapter;

  /** Returns whether an adapter is given. */
  public boolean isAdapted() {
    return adapter != null;
  }

  /** Returns the options of a session, with the adapter, which is closed with the model. */
  public SessionOptions of(Model model) {
    SessionOptions options =
        SessionOptions.DEFAULT
            .withKvType(precision.kvType())
            .withArithmetic(precision.arithmetic());
    return adapter == null ? options : options.withAdaptation(adapter.open(model));
  }
}
