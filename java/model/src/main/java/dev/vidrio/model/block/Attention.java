package dev.vidrio.model.block;

import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.PositionBias;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.Rotation.Temperature;
import dev.vidrio.kernel.op.Window;
import org.jspecify.annotations.Nullable;

/**
 * The parameters of a softmax attention layer.
 *
 * @param clamp largest magnitude of queries, keys and values; 0 for no limit
 * @param norm norm of queries and keys
 * @param valueNorm true if the values of each head are normalized, without a gain
 * @param rotation RoPE of queries and keys, or null for none
 * @param temperature growth of queries with the position
 * @param scores computation of scores
 * @param output transformation before the output projection
 */
public record Attention(
    float clamp,
    QueryKeyNorm norm,
    boolean valueNorm,
    @Nullable Rotation rotation,
    Temperature temperature,
    Scores scores,
    OutputTransform output) {

  /** Norms of queries and keys (arXiv 2302.05442), before RoPE unless the name says after. */
  public enum QueryKeyNorm {
    NONE,
    /** Normalizes each head, with one gain for all heads. */
    PER_HEAD,
    /** Normalizes each head, with a gain per head. */
    PER_HEAD_OWN_GAIN,
    /** Normalizes each head after RoPE, with one gain for all heads. */
    PER_HEAD_AFTER_ROPE,
    /** Normalizes each head after RoPE, without a gain. */
    PER_HEAD_AFTER_ROPE_NO_GAIN,
    /** Normalizes all heads together. */
    ALL_HEADS
  }

  /** Transformations between the attention output and the output projection. */
  public enum OutputTransform {
    NONE,
    /** A norm over all heads (Wang et al. 2022, arXiv 2210.06423). */
    NORM,
    /**
     * A product with sigmoids of a projection, one per element (Qiu et al. 2025, arXiv 2505.06708).
     */
    SIGMOID_GATE,
    /** A product with sigmoids of a projection, one per head. */
    SIGMOID_GATE_PER_HEAD,
    /** {@link #SIGMOID_GATE} with rows that follow those of each head's query in one matrix. */
    SIGMOID_GATE_IN_QUERIES,
    /** A product with softplus of a projection, one per element. */
    SOFTPLUS_GATE,
    /** A product with softplus of a projection, one per head. */
    SOFTPLUS_GATE_PER_HEAD;

    ActivationKind gate() {
      return this == SOFTPLUS_GATE || this == SOFTPLUS_GATE_PER_HEAD
          ? ActivationKind.SOFTPLUS
          : ActivationKind.SIGMOID;
    }
  }

  /**
   * The computation of scores from products of queries and keys.
   *
   * @param scale factor of the scores
   * @param window positions attended to
   * @param cap soft cap of the scores, 0 for none
   * @param bias term that depends on the distance of positions, or null
   */
  public record Scores(float scale, Window window, float cap, @Nullable PositionBias bias) {}

  /** Returns full causal attention without positional encoding. */
  public static Attention noPe(float scale) {
    var scores = new Scores(scale, Window.ALL, 0, null);
    return new Attention(
        0, QueryKeyNorm.NONE, false, null, Temperature.NONE, scores, OutputTransform.NONE);
  }

  /** Returns attention with clamped queries, keys and values. */
  public Attention withClamp(float newClamp) {
    return new Attention(newClamp, norm, valueNorm, rotation, temperature, scores, output);
  }

  /** Returns attention with normalized queries and keys. */
  public Attention withQueryKeyNorm(QueryKeyNorm newNorm) {
    return new Attention(clamp, newNorm, valueNorm, rotation, temperature, scores, output);
  }

  /** Returns attention with a transformation before the output projection. */
  public Attention withOutput(OutputTransform newOutput) {
    return new Attention(clamp, norm, valueNorm, rotation, temperature, scores, newOutput);
  }

  /** Returns attention with normalized values. */
  public Attention withValueNorm() {
    return new Attention(clamp, norm, true, rotation, temperature, scores, output);
  }

  /** Returns attention with RoPE. */
  public Attention withRope(Rotation newRotation) {
    return withRope(newRotation, Temperature.NONE);
  }

  /** Returns attention with RoPE and queries that grow with the position. */
  public Attention withRope(Rotation newRotation, Temperature newTemperature) {
    return new Attention(clamp, norm, valueNorm, newRotation, newTemperature, scores, output);
  }

  /** Returns attention without RoPE. */
  public Attention withoutRope() {
    return new Attention(clamp, norm, valueNorm, null, temperature, scores, output);
  }

  /** Returns attention with queries that grow with the position. */
  public Attention withTemperature(Temperature newTemperature) {
    return new Attention(clamp, norm, valueNorm, rotation, newTemperature, scores, output);
  }

  /** Returns attention over a sliding window; a length of 0 means all positions. */
  public Attention withWindow(int length) {
    return withWindow(Window.sliding(length));
  }

  /** Returns attention over a window. */
  public Attention withWindow(Window window) {
    return scored(new Scores(scores.scale, window, scores.cap, scores.bias));
  }

  /** Returns attention with softly capped scores. */
  public Attention withSoftCap(float cap) {
    return scored(new Scores(scores.scale, scores.window, cap, scores.bias));
  }

  /** Returns attention with a bias on the scores. */
  public Attention withBias(PositionBias bias) {
    return scored(new Scores(scores.scale, scores.window, scores.cap, bias));
  }

  private Attention scored(Scores newScores) {
    return new Attention(clamp, norm, valueNorm, rotation, temperature, newScores, output);
  }
}
