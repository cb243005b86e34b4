package dev.vidrio.model.architecture;

import dev.vidrio.kernel.Rotation;
import org.jspecify.annotations.Nullable;

/**
 * What attention layers differ in.
 *
 * @param scale of the scores
 * @param rotation of queries and keys, or null for none
 * @param norm of queries and keys before they turn
 * @param window positions attended to, the token's own among them; 0 for all
 * @param cap soft cap of the scores, 0 for none
 */
record Attention(
    float scale, @Nullable Rotation rotation, QueryKeyNorm norm, int window, float cap) {

  /** Which elements of queries (or keys) RMSNorm takes together (arXiv 2302.05442). */
  enum QueryKeyNorm {
    NONE,
    /** Those of a head. */
    HEAD,
    /** Those of all heads. */
    ALL_HEADS
  }

  /** Attention to all positions, without knowing them. */
  static Attention scaled(float scale) {
    return new Attention(scale, null, QueryKeyNorm.NONE, 0, 0);
  }

  /** The same with rotary positions. */
  Attention rotated(Rotation newRotation) {
    return new Attention(scale, newRotation, norm, window, cap);
  }

  /** The same with normalized queries and keys. */
  Attention normalized(QueryKeyNorm newNorm) {
    return new Attention(scale, rotation, newNorm, window, cap);
  }

  /** The same over a sliding window. */
  Attention windowed(int newWindow) {
    return new Attention(scale, rotation, norm, newWindow, cap);
  }

  /** The same with capped scores. */
  Attention capped(float newCap) {
    return new Attention(scale, rotation, norm, window, newCap);
  }
}
