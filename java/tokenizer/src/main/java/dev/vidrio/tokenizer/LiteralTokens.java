package dev.vidrio.tokenizer;

import java.util.Arrays;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * Finds the tokens that are recognized in the text before the tokenizer's model runs. The leftmost
 * match wins, and the longest of several there, as in Hugging Face tokenizers. (llama.cpp searches
 * the longest token in the whole text first, then the next in the remaining text; results differ
 * only if the end of one occurrence overlaps the beginning of another.)
 *
 * <p>The tokens are sorted, and each byte of the text narrows the range of matching tokens by
 * binary search, so the index is no larger than the vocabulary.
 */
final class LiteralTokens {

  private final byte[][] sorted;
  private final int[] ids;
  private final boolean[] begins = new boolean[256];

  /**
   * Selects tokens.
   *
   * @param bytes the bytes of each token of the vocabulary
   * @param selected selects the ids to find; empty tokens are never found
   */
  LiteralTokens(byte[][] bytes, IntPredicate selected) {
    ids =
        IntStream.range(0, bytes.length)
            .filter(id -> bytes[id].length > 0 && selected.test(id))
            .boxed()
            .sorted((a, b) -> Arrays.compareUnsigned(bytes[a], bytes[b]))
            .mapToInt(Integer::intValue)
            .toArray();
    sorted = new byte[ids.length][];
    for (int i = 0; i < ids.length; i++) {
      sorted[i] = bytes[ids[i]];
      begins[Byte.toUnsignedInt(sorted[i][0])] = true;
    }
  }

  /** Returns the longest token at {@code pos}, or −1. */
  int at(byte[] text, int pos) {
    if (!begins[Byte.toUnsignedInt(text[pos])]) {
      return -1;
    }
    int found = -1;
    int low = 0;
    int high = sorted.length;
    for (int depth = 0; pos + depth < text.length && low < high; depth++) {
      int next = Byte.toUnsignedInt(text[pos + depth]);
      low = firstAtLeast(next, depth, low, high);
      high = firstAtLeast(next + 1, depth, low, high);
      if (low < high && sorted[low].length == depth + 1) {
        found = ids[low];
      }
    }
    return found;
  }

  /**
   * Returns the first of the tokens in a range whose byte at {@code depth} is at least {@code
   * value}; they agree before it.
   */
  private int firstAtLeast(int value, int depth, int from, int to) {
    int low = from;
    int high = to;
    while (low < high) {
      int middle = (low + high) >>> 1;
      byte[] token = sorted[middle];
      if (token.length > depth && Byte.toUnsignedInt(token[depth]) >= value) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }
}
