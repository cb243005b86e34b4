package dev.vidrio.kernel.op;

import dev.vidrio.kernel.weight.WeightType;
import java.util.Locale;

/**
 * The arithmetic of matrix products. Both are specified in docs/numerics.md and have equal bits on
 * every processor and executor; they differ in accuracy and speed.
 *
 * @see "docs/adr/027-bf16-products.md"
 */
public enum Arithmetic {
  /**
   * Quantized weights multiply activations that are quantized to int8 in blocks of 32; other
   * weights multiply activations in f32.
   */
  INT8,

  /**
   * Weights and activations are rounded to bf16, and their products summed in f32 in the order of
   * the AMX instruction. Ten to twenty times closer to float activations than {@link #INT8}, and
   * faster for prompts on processors with AMX-BF16; elsewhere slower.
   */
  BF16;

  /** Returns whether products with weights of a type multiply quantized activations. */
  public boolean quantizes(WeightType type) {
    return this == INT8 && type.quantized();
  }

  /** Returns the name on the command line: {@code bf16}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
