package dev.vidrio.model.block;

import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.Rotation.Temperature;
import dev.vidrio.kernel.op.Window;
import dev.vidrio.kernel.weight.Weights;
import org.jspecify.annotations.Nullable;

/**
 * What attention layers differ in.
 *
 * @param clamp magnitude that queries, keys and values have at most; 0 for any
 * @param norm of queries and keys
 * @param valueNorm whether the values of each head are normalized, without a gain
 * @param rotation of queries and keys, or null for none
 * @param temperature of queries
 * @param scores how queries and keys are compared
 * @param output what heads take of the values
 */
public record Attention(
    float clamp,
    QueryKeyNorm norm,
    boolean valueNorm,
    @Nullable Rotation rotation,
    Temperature temperature,
    Scores scores,
    OutputTransform output) {

  /**
   * Which elements of queries (or keys) a norm takes together (arXiv 2302.05442), before they turn
   * but in one.
   */
  public enum QueryKeyNorm {
    NONE,
    /** Those of a head, with one gain for all heads. */
    PER_HEAD,
    /** Those of a head, with a gain of its own. */
    PER_HEAD_OWN_GAIN,
    /** Those of a head, with one gain for all heads, behind the rotation. */
    PER_HEAD_AFTER_ROPE,
    /** Those of a head, without a gain, behind the rotation. */
    PER_HEAD_AFTER_ROPE_NO_GAIN,
    /** Those of all heads. */
    ALL_HEADS
  }

  /** What stands between what heads take of the values and W_O. */
  public enum OutputTransform {
    NONE,
    /** A norm of all heads (Wang et al. 2022, arXiv 2210.06423). */
    NORM,
    /** Sigmoids of a projection, multiplied (Qiu et al. 2025, arXiv 2505.06708). */
    SIGMOID_GATE,
    /** The same with one for each head. */
    SIGMOID_GATE_PER_HEAD,
    /** The same as the first whose rows lie behind those of each head's query. */
    SIGMOID_GATE_IN_QUERIES,
    /** As the first, with softplus in the place of the sigmoid. */
    SOFTPLUS_GATE,
    /** The same with one for each head. */
    SOFTPLUS_GATE_PER_HEAD;

    ActivationKind gate() {
      return this == SOFTPLUS_GATE || this == SOFTPLUS_GATE_PER_HEAD
          ? ActivationKind.SOFTPLUS
          : ActivationKind.SIGMOID;
    }
  }

  /**
   * How scores come from products of queries and keys.
   *
   * @param scale of the scores
   * @param window positions attended to
   * @param cap soft cap of the scores, 0 for none
   * @param slopes [H] by which scores fall with the distance (ALiBi), or null; with neither window
   *     nor cap
   */
  public record Scores(float scale, Window window, float cap, @Nullable Weights slopes) {}

  /** Attention to all positions, without knowing them. */
  public static Attention noPe(float scale) {
    var scores = new Scores(scale, Window.ALL, 0, null);
    return new Attention(
        0, QueryKeyNorm.NONE, false, null, Temperature.NONE, scores, OutputTransform.NONE);
  }

  /** The same with queries, keys and values of a limited magnitude. */
  public Attention withClamp(float newClamp) {
    return new Attention(newClamp, norm, valueNorm, rotation, temperature, scores, output);
  }

  /** The same with normalized queries and keys. */
  public Attention withQueryKeyNorm(QueryKeyNorm newNorm) {
    return new Attention(clamp, newNorm, valueNorm, rotation, temperature, scores, output);
  }

  /** The same with something behind its heads. */
  public Attention withOutput(OutputTransform newOutput) {
    return new Attention(clamp, norm, valueNorm, rotation, temperature, scores, newOutput);
  }

  /** The same with normalized values. */
  public Attention withValueNorm() {
    return new Attention(clamp, norm, true, rotation, temperature, scores, output);
  }

  /** The same with rotary positions. */
  public Attention withRope(Rotation newRotation) {
    return withRope(newRotation, Temperature.NONE);
  }

  /** The same with rotary positions, and queries that grow with them. */
  public Attention withRope(Rotation newRotation, Temperature newTemperature) {
    return new Attention(clamp, norm, valueNorm, newRotation, newTemperature, scores, output);
  }

  /** The same without positional encoding. */
  public Attention withoutRope() {
    return new Attention(clamp, norm, valueNorm, null, temperature, scores, output);
  }

  /** The same with queries that grow with the position. */
  public Attention withTemperature(Temperature newTemperature) {
    return new Attention(clamp, norm, valueNorm, rotation, newTemperature, scores, output);
  }

  /** The same over a sliding window; 0 for all positions. */
  public Attention withWindow(int length) {
    return withWindow(Window.sliding(length));
  }

  /** The same over a window. */
  public Attention withWindow(Window window) {
    return scored(new Scores(scores.scale, window, scores.cap, scores.slopes));
  }

  /** The same with capped scores. */
  public Attention withSoftCap(float cap) {
    return scored(new Scores(scores.scale, scores.window, cap, scores.slopes));
  }

  /** The same with scores that fall with the distance. */
  public Attention withAlibi(Weights slopes) {
    return scored(new Scores(scores.scale, scores.window, scores.cap, slopes));
  }

  private Attention scored(Scores newScores) {
    return new Attention(clamp, norm, valueNorm, rotation, temperature, newScores, output);
  }
}
