package dev.vidrio.model.sampling;

import java.util.HashMap;
import java.util.Map;

/**
 * The penalties of {@link DryOptions} after the last tokens. The lengths of repetitions are those
 * of the Z-algorithm (Gusfield 1997) over the tokens in reverse: for each earlier position, the
 * number of last tokens that also end there. Not thread-safe.
 */
final class DryPenalty {
  /** The logarithm of the largest f32, as llama.cpp limits the exponent. */
  private static final float MAX_LOG = 88.72284f;

  private final DryOptions options;
  private final SequenceBreakers breakers;
  private final int[] ring;
  private int size;
  private int next;
  private final Map<Integer, Float> penalties = new HashMap<>();
  private boolean isCurrent;

  DryPenalty(DryOptions options, SequenceBreakers breakers) {
    this.options = options;
    this.breakers = breakers;
    this.ring = new int[options.isActive() ? options.window() : 0];
  }

  /** Adds a token, and removes the oldest if the window is full. */
  void accept(int token) {
    if (ring.length > 0) {
      ring[next] = token;
      next = (next + 1) % ring.length;
      size = Math.min(size + 1, ring.length);
      isCurrent = false;
    }
  }

  /** Returns the penalty of each token that would continue a repetition. */
  Map<Integer, Float> penalties() {
    if (!isCurrent) {
      isCurrent = true;
      penalties.clear();
      int limit = size > options.allowedLength() ? limit() : -1;
      if (limit >= options.allowedLength()) {
        addPenalties(limit);
      }
    }
    return penalties;
  }

  /** Returns the tokens of the window, the last one first. */
  private int[] reversed() {
    var tokens = new int[size];
    for (int i = 0; i < size; i++) {
      tokens[i] = ring[Math.floorMod(next - 1 - i, ring.length)];
    }
    return tokens;
  }

  /** Returns the number of tokens after the last breaker. */
  private int limit() {
    int[] reversed = reversed();
    for (int i = 0; i < size; i++) {
      int longest = -1;
      for (int[] tail : breakers.tails(reversed[i])) {
        if (tail.length > longest && tail.length <= i && follows(tail, reversed, i)) {
          longest = tail.length;
        }
      }
      if (longest >= 0) {
        return i - longest;
      }
    }
    return size;
  }

  private static boolean follows(int[] tail, int[] reversed, int head) {
    for (int i = 0; i < tail.length; i++) {
      if (tail[i] != reversed[head - i - 1]) {
        return false;
      }
    }
    return true;
  }

  private void addPenalties(int limit) {
    int[] reversed = reversed();
    int[] lengths = lengths(reversed);
    Map<Integer, Integer> longest = new HashMap<>();
    for (int i = 1; i < size; i++) {
      int length = Math.min(lengths[i], limit);
      if (length >= options.allowedLength()) {
        longest.merge(reversed[i - 1], length, Math::max);
      }
    }
    longest.forEach(
        (token, length) -> {
          if (!breakers.isBreaker(token)) {
            penalties.put(token, penalty(length));
          }
        });
  }

  /** Returns the length of the common prefix of a sequence and each of its suffixes. */
  private static int[] lengths(int[] tokens) {
    var lengths = new int[tokens.length];
    int left = 0;
    int right = 0; // the match [left, right) that reaches furthest
    for (int i = 1; i < tokens.length; i++) {
      int length = i < right ? Math.min(right - i, lengths[i - left]) : 0;
      while (i + length < tokens.length && tokens[length] == tokens[i + length]) {
        length++;
      }
      lengths[i] = length;
      if (i + length > right) {
        left = i;
        right = i + length;
      }
    }
    return lengths;
  }

  private float penalty(int length) {
    float base = (float) options.base();
    int exponent = length - options.allowedLength();
    int max = base > 1.000001f ? (int) (MAX_LOG / (float) StrictMath.log(base)) : 0;
    if (max > 0) {
      exponent = Math.min(exponent, max);
    }
    return (float) ((float) options.multiplier() * StrictMath.pow(base, exponent));
  }
}
