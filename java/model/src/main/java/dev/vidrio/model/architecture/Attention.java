package dev.vidrio.model.architecture;

import dev.vidrio.kernel.Rotation;
import org.jspecify.annotations.Nullable;

/**
 * What attention layers differ in.
 *
 * @param scale of the scores
 * @param rotation of queries and keys, or null for none
 * @param window positions attended to, the token's own among them; 0 for all
 */
record Attention(float scale, @Nullable Rotation rotation, int window) {

  /** Attention to all positions that turns nothing. */
  static Attention scaled(float scale) {
    return new Attention(scale, null, 0);
  }

  /** The same with rotary positions. */
  Attention rotated(Rotation newRotation) {
    return new Attention(scale, newRotation, window);
  }

  /** The same over a sliding window. */
  Attention windowed(int newWindow) {
    return new Attention(scale, rotation, newWindow);
  }
}
