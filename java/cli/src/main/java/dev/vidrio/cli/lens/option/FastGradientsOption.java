package dev.vidrio.cli.lens.option;

import dev.vidrio.lens.Lens;
import dev.vidrio.model.Model;
import picocli.CommandLine.Option;

/** The option of quantized gradients. */
public final class FastGradientsOption {
  @Option(
      names = "--fast",
      description =
          "Quantize gradients too: approximate, and faster after the first, which transposes the"
              + " weights.")
  private boolean asked;

  /** Returns whether {@code --fast} is given. */
  public boolean asked() {
    return asked;
  }

  /** Returns the lens of a model, with fast gradients if {@code --fast} is given. */
  public Lens lens(Model model) {
    Lens lens = Lens.of(model);
    return asked ? lens.fastGradients() : lens;
  }
}
