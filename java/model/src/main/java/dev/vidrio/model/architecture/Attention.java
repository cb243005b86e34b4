package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.weight.Weights;
import org.jspecify.annotations.Nullable;

/**
 * What attention layers differ in.
 *
 * @param scale of the scores
 * @param rotation of queries and keys, or null for none
 * @param norm of queries and keys before they turn
 * @param window positions attended to, the token's own among them; 0 for all
 * @param cap soft cap of the scores, 0 for none
 * @param slopes [H] by which scores fall with the distance (ALiBi), or null
 */
record Attention(
    float scale,
    @Nullable Rotation rotation,
    QueryKeyNorm norm,
    int window,
    float cap,
    @Nullable Weights slopes) {

  /** Which elements of queries (or keys) a norm takes together (arXiv 2302.05442). */
  enum QueryKeyNorm {
    NONE,
    /** Those of a head, with one gain for all heads. */
    HEAD,
    /** Those of a head, with a gain of its own. */
    HEAD_OWN_GAIN,
    /** Those of all heads. */
    ALL_HEADS
  }

  /** Attention to all positions, without knowing them. */
  static Attention scaled(float scale) {
    return new Attention(scale, null, QueryKeyNorm.NONE, 0, 0, null);
  }

  /** The same with rotary positions. */
  Attention rotated(Rotation newRotation) {
    return new Attention(scale, newRotation, norm, window, cap, slopes);
  }

  /** The same with normalized queries and keys. */
  Attention normalized(QueryKeyNorm newNorm) {
    return new Attention(scale, rotation, newNorm, window, cap, slopes);
  }

  /** The same over a sliding window. */
  Attention windowed(int newWindow) {
    return new Attention(scale, rotation, norm, newWindow, cap, slopes);
  }

  /** The same with capped scores. */
  Attention capped(float newCap) {
    return new Attention(scale, rotation, norm, window, newCap, slopes);
  }

  /** The same with scores that fall with the distance. */
  Attention sloped(Weights newSlopes) {
    return new Attention(scale, rotation, norm, window, cap, newSlopes);
  }
}
