package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.decode.TextChunks;
import dev.vidrio.model.Model;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A long text, split into chunks. */
public final class ChunksOption {
  private static final int LENGTH = 128;

  @Mixin private TextInput input = new TextInput();

  @Option(
      names = "--length",
      paramLabel = "N",
      description = {
        "Tokens per chunk of the text.",
        "Default: 128, or the context length if that is shorter."
      })
  private @Nullable Integer length;

  /** Returns the chunks, each with BOS if the model expects it. */
  public List<int[]> of(Model model) {
    int most = Math.min(LENGTH, model.architecture().contextLength());
    int tokens = Objects.requireNonNullElse(length, most);
    return TextChunks.of(model, input.requiredIds(model), tokens);
  }
}
