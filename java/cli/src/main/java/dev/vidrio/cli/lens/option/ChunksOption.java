package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.TextChunks;
import dev.vidrio.model.Model;
import java.util.List;
import java.util.Objects;
import java.util.function.ObjDoubleConsumer;
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
    return TextChunks.of(model, input.requiredIds(model), length(model));
  }

  /** Returns whether the text can be read again, since it is not standard input. */
  public boolean isRepeatable() {
    return input.isRepeatable();
  }

  private int length(Model model) {
    if (length != null) {
      UsageException.requireAtLeast("--length", length, 2);
    }
    int most = Math.min(LENGTH, model.architecture().contextLength());
    return Objects.requireNonNullElse(length, most);
  }

  /**
   * Passes the chunks of a text of any length, with a part of it in memory at a time. A text of
   * more than a million characters is split at the end of a line before it is split into chunks.
   *
   * @param taker receives each chunk and the fraction of the text that has been read, about
   */
  public void each(Model model, ObjDoubleConsumer<int[]> taker) {
    int tokens = length(model);
    input.pieces(
        model,
        (ids, read) ->
            TextChunks.split(model, ids, tokens).forEach(chunk -> taker.accept(chunk, read)));
  }
}
