package dev.vidrio.cli.lens.option;

import dev.vidrio.lens.Lens;
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

  /** Returns a lens with fast gradients if {@code --fast} is given, or else the same lens. */
  public Lens of(Lens lens) {
    return asked ? lens.fastGradients() : lens;
  }
}
