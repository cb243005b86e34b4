package dev.vidrio.tokenizer.encoding;

import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.IntPredicate;

/**
 * A hash table from bytes to tokens, with open addressing and linear probing. The hash seed is
 * random, so that a model file cannot contain tokens chosen to collide.
 */
public final class TokenIndex {

  private static final int ABSENT = -1;
  private static final long MULTIPLIER = 0x9E3779B97F4A7C15L;

  private final long seed = ThreadLocalRandom.current().nextLong();
  private final byte[][] bytes;
  private final int[] slots;
  private final int shift;
  private int longest;

  /**
   * Selects tokens.
   *
   * @param bytes the bytes of each token of the vocabulary
   * @param selected selects the ids to index; empty tokens are never found, and of equal ones the
   *     first wins
   */
  public TokenIndex(byte[][] bytes, IntPredicate selected) {
    this.bytes = bytes;
    int bits = Integer.SIZE - Integer.numberOfLeadingZeros(Math.max(bytes.length, 1) * 2 - 1);
    shift = Long.SIZE - bits;
    slots = new int[1 << bits];
    Arrays.fill(slots, ABSENT);
    for (int id = 0; id < bytes.length; id++) {
      if (bytes[id].length > 0 && selected.test(id)) {
        longest = Math.max(longest, bytes[id].length);
        int slot = slot(bytes[id], 0, bytes[id].length);
        if (slots[slot] == ABSENT) {
          slots[slot] = id;
        }
      }
    }
  }

  /** Returns the token with the bytes from {@code start} to before {@code end}, or −1. */
  public int get(byte[] text, int start, int end) {
    return end - start > longest ? ABSENT : slots[slot(text, start, end)];
  }

  /** Returns the longest token that begins at {@code start} and ends by {@code limit}, or −1. */
  public int longest(byte[] text, int start, int limit) {
    long hash = seed;
    int found = ABSENT;
    int last = (int) Math.min((long) start + longest, limit);
    for (int end = start + 1; end <= last; end++) {
      hash = mix(hash, text[end - 1]);
      int id = slots[slot(hash, text, start, end)];
      found = id == ABSENT ? found : id;
    }
    return found;
  }

  /** Returns the number of bytes of a token. */
  public int length(int id) {
    return bytes[id].length;
  }

  /** Receives a token and its end position. */
  @FunctionalInterface
  public interface TokenSink {
    /** Accepts a token that ends before {@code end}. */
    void accept(int end, int id);
  }

  /**
   * Passes on the tokens that begin at {@code start} and end by {@code limit}, the shortest first.
   */
  public void prefixes(byte[] text, int start, int limit, TokenSink sink) {
    long hash = seed;
    int last = (int) Math.min((long) start + longest, limit);
    for (int end = start + 1; end <= last; end++) {
      hash = mix(hash, text[end - 1]);
      int id = slots[slot(hash, text, start, end)];
      if (id != ABSENT) {
        sink.accept(end, id);
      }
    }
  }

  private static long mix(long hash, byte b) {
    long mixed = (hash ^ b) * MULTIPLIER;
    return mixed ^ (mixed >>> 29);
  }

  private int slot(byte[] text, int start, int end) {
    long hash = seed;
    for (int i = start; i < end; i++) {
      hash = mix(hash, text[i]);
    }
    return slot(hash, text, start, end);
  }

  private int slot(long hash, byte[] text, int start, int end) {
    int slot = (int) ((hash * MULTIPLIER) >>> shift);
    while (slots[slot] != ABSENT) {
      byte[] token = bytes[slots[slot]];
      if (Arrays.equals(token, 0, token.length, text, start, end)) {
        break;
      }
      slot = (slot + 1) & (slots.length - 1);
    }
    return slot;
  }
}
