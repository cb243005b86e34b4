package dev.vidrio.cli.lens.option;

import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.lens.Lens;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of fast gradients. */
public final class FastGradientsOption {
  @Option(
      names = "--fast",
      description =
          "Quantize gradients too: approximate, and faster after the first, which transposes the"
              + " weights.")
  private boolean quantized;

  @Option(
      names = "--fast-arithmetic",
      paramLabel = "NAME",
      description =
          "Arithmetic of the products of fast gradients: ${COMPLETION-CANDIDATES}. --fast is int8;"
              + " bf16 is closer to exact gradients, and faster on processors with AMX-BF16.")
  private @Nullable Arithmetic arithmetic;

  /** Returns whether fast gradients are selected. */
  public boolean asked() {
    return quantized || arithmetic != null;
  }

  /** Returns a lens with fast gradients if they are selected, or else the same lens. */
  public Lens of(Lens lens) {
    if (arithmetic != null) {
      return lens.fastGradients(arithmetic);
    }
    return quantized ? lens.fastGradients() : lens;
  }
}
