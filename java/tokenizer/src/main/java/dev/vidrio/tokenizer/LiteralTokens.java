package dev.vidrio.tokenizer;

import java.util.Arrays;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * Finds the tokens that are recognized in the text before anything else. Where several match, the
 * longest at the leftmost place wins, as in Hugging Face tokenizers. (llama.cpp looks for the
 * longest of all tokens first, then for the next in what is left; this differs only where the end
 * of one token's occurrence is the beginning of another's.)
 *
 * <p>The tokens are kept sorted, and each byte of the text narrows the range of those that still
 * match by binary search: no index that could grow beyond the model file.
 */
final class LiteralTokens {

  private final byte[][] sorted;
  private final int[] ids;
  private final boolean[] begins = new boolean[256];

  /**
   * Selects tokens.
   *
   * @param bytes the bytes of each token of the vocabulary
   * @param selected which of them to find; empty ones never are
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

  /** Returns the longest token at {@code pos} and not beyond {@code end}, or −1. */
  int at(byte[] text, int pos, int end) {
    if (!begins[Byte.toUnsignedInt(text[pos])]) {
      return -1;
    }
    int found = -1;
    int low = 0;
    int high = sorted.length;
    for (int depth = 0; pos + depth < end && low < high; depth++) {
      int next = Byte.toUnsignedInt(text[pos + depth]);
      low = firstAtLeast(next, depth, low, high);
      high = firstAtLeast(next + 1, depth, low, high);
      if (low < high && sorted[low].length == depth + 1) {
        found = ids[low];
      }
    }
    return found;
  }

  /** Of tokens that agree before {@code depth}, returns the first whose byte there is so high. */
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
