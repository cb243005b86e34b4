package dev.vidrio.kernel.pass;

import dev.vidrio.kernel.op.BackwardOp.Slope;

/**
 * Modifications of the backward pass by which gradient × input becomes a rule of relevance
 * propagation. Factors scale the gradient that flows through; 0 stops it.
 *
 * <p>Layer-wise relevance propagation is patented, and a software license grants no patents. To use
 * {@link #ATTN_LRP} or {@link #CP_LRP} beyond research, contact its authors.
 *
 * @param frozenNorms if true, the divisors of norms count as constants
 * @param slope of activation functions
 * @param gateFactor on the gate f(x) of {@code f(x) · up}
 * @param upFactor on the other factor of {@code f(x) · up}
 * @param queryKeyFactor on queries and keys, and on steps and strengths of linear attention
 * @param valueFactor on values
 */
public record GradientRules(
    boolean frozenNorms,
    Slope slope,
    float gateFactor,
    float upFactor,
    float queryKeyFactor,
    float valueFactor) {
  /** The exact gradient. */
  public static final GradientRules EXACT = new GradientRules(false, Slope.DERIVATIVE, 1, 1, 1, 1);

  /** Attention-aware layer-wise relevance propagation (Achtibat et al. 2024, arXiv 2402.05602). */
  public static final GradientRules ATTN_LRP =
      new GradientRules(true, Slope.SECANT, 0.5f, 0.5f, 0.25f, 0.5f);

  /**
   * Conservative propagation: attention patterns are constants (Ali et al. 2022, arXiv 2202.07304),
   * and so are gates, as in LXT.
   */
  public static final GradientRules CP_LRP = new GradientRules(true, Slope.SECANT, 0, 1, 0, 1);

  /** The gradient with attention patterns and the divisors of norms held constant. */
  public static final GradientRules FROZEN = new GradientRules(true, Slope.DERIVATIVE, 1, 1, 0, 1);

  public GradientRules {
    for (float factor : new float[] {gateFactor, upFactor, queryKeyFactor, valueFactor}) {
      if (!Float.isFinite(factor)) {
        throw new IllegalArgumentException("factor " + factor + " must be finite");
      }
    }
  }
}
