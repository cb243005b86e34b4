package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.decode.TextChunks;
import dev.vidrio.model.Model;
import java.util.List;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A long text, read piece by piece. */
public final class ChunksOption {
  @Mixin private TextInput input = new TextInput();

  @Option(
      names = "--length",
      paramLabel = "N",
      defaultValue = "128",
      description = "Tokens of a piece that the model reads at once. Default: ${DEFAULT-VALUE}.")
  private int length = 128;

  public ChunksOption() {}

  /** The pieces, each as the model wants a text to begin. */
  public List<int[]> of(Model model) {
    return TextChunks.of(model, input.requiredIds(model), length);
  }
}
