package dev.vidrio.model.block;

import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.Rotation.Temperature;
import dev.vidrio.kernel.weight.Weights;
import org.jspecify.annotations.Nullable;

/**
 * What attention layers differ in.
 *
 * @param clamp magnitude that queries, keys and values have at most; 0 for any
 * @param scale of the scores
 * @param rotation of queries and keys, or null for none
 * @param temperature of queries that turn
 * @param norm of queries and keys
 * @param valueNorm whether the values of each head are normalized, without a gain
 * @param window positions attended to, the token's own among them; 0 for all
 * @param cap soft cap of the scores, 0 for none
 * @param slopes [H] by which scores fall with the distance (ALiBi), or null
 */
public record Attention(
    float clamp,
    float scale,
    @Nullable Rotation rotation,
    Temperature temperature,
    QueryKeyNorm norm,
    boolean valueNorm,
    int window,
    float cap,
    @Nullable Weights slopes) {

  /**
   * Which elements of queries (or keys) a norm takes together (arXiv 2302.05442), before they turn
   * but in one.
   */
  public enum QueryKeyNorm {
    NONE,
    /** Those of a head, with one gain for all heads. */
    HEAD,
    /** Those of a head, with a gain of its own. */
    HEAD_OWN_GAIN,
    /** Those of a head, with one gain for all heads, behind the rotation. */
    TURNED_HEAD,
    /** Those of all heads. */
    ALL_HEADS
  }

  /** Attention to all positions, without knowing them. */
  public static Attention scaled(float scale) {
    return new Attention(0, scale, null, Temperature.NONE, QueryKeyNorm.NONE, false, 0, 0, null);
  }

  /** The same with queries, keys and values of a limited magnitude. */
  public Attention clamped(float newClamp) {
    return new Attention(
        newClamp, scale, rotation, temperature, norm, valueNorm, window, cap, slopes);
  }

  /** The same with rotary positions. */
  public Attention rotated(Rotation newRotation) {
    return new Attention(
        clamp, scale, newRotation, temperature, norm, valueNorm, window, cap, slopes);
  }

  /** The same with queries that grow with the position where they turn. */
  public Attention heated(Temperature newTemperature) {
    return new Attention(
        clamp, scale, rotation, newTemperature, norm, valueNorm, window, cap, slopes);
  }

  /** The same with normalized queries and keys. */
  public Attention normalized(QueryKeyNorm newNorm) {
    return new Attention(
        clamp, scale, rotation, temperature, newNorm, valueNorm, window, cap, slopes);
  }

  /** The same with normalized values. */
  public Attention withValueNorm() {
    return new Attention(clamp, scale, rotation, temperature, norm, true, window, cap, slopes);
  }

  /** The same over a sliding window. */
  public Attention windowed(int newWindow) {
    return new Attention(
        clamp, scale, rotation, temperature, norm, valueNorm, newWindow, cap, slopes);
  }

  /** The same with capped scores. */
  public Attention capped(float newCap) {
    return new Attention(
        clamp, scale, rotation, temperature, norm, valueNorm, window, newCap, slopes);
  }

  /** The same with scores that fall with the distance. */
  public Attention sloped(Weights newSlopes) {
    return new Attention(
        clamp, scale, rotation, temperature, norm, valueNorm, window, cap, newSlopes);
  }
}
