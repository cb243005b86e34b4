package dev.vidrio.cli.lens.option;

import dev.vidrio.lens.Lens;
import dev.vidrio.model.Model;
import picocli.CommandLine.Option;

/** The option that quantizes gradients for speed. */
public final class FastGradientsOption {
  @Option(
      names = "--fast",
      description =
          "Quantize gradients too: nearly right, and faster after the first, which transposes the"
              + " weights.")
  private boolean asked;

  public FastGradientsOption() {}

  public boolean asked() {
    return asked;
  }

  /** The model's lens, whose gradients are fast where that is asked for. */
  public Lens lens(Model model) {
    Lens lens = Lens.of(model);
    return asked ? lens.fastGradients() : lens;
  }
}
