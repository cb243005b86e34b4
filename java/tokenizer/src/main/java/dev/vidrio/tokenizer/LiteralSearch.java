package dev.vidrio.tokenizer;

import dev.vidrio.tokenizer.text.CharSet;
import dev.vidrio.tokenizer.text.Utf8;
import dev.vidrio.tokenizer.vocabulary.LiteralRules;
import java.util.Arrays;
import java.util.function.IntConsumer;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * Splits text at literal tokens, according to {@link LiteralRules}: the tokens that are recognized
 * before the tokenizer's model runs. The leftmost match wins, and the longest of several there, as
 * in Hugging Face tokenizers. (llama.cpp searches the longest token in the whole text first, then
 * the next in the remaining text; results differ only if the end of one occurrence overlaps the
 * beginning of another.)
 *
 * <p>The tokens are sorted, and each byte of the text narrows the range of matching tokens by
 * binary search, so the index is no larger than the vocabulary.
 */
final class LiteralSearch {

  private final byte[][] spellings;
  private final LiteralRules rules;
  private final byte[][] sorted;
  private final int[] ids;
  private final boolean[] begins = new boolean[256];

  /**
   * Creates a search for some tokens of a vocabulary.
   *
   * @param spellings the spelling of each token in the text
   * @param selected selects the ids to find; empty tokens are never found
   */
  LiteralSearch(byte[][] spellings, IntPredicate selected, LiteralRules rules) {
    this.spellings = spellings;
    this.rules = rules;
    ids =
        IntStream.range(0, spellings.length)
            .filter(id -> spellings[id].length > 0 && selected.test(id))
            .boxed()
            .sorted((a, b) -> Arrays.compareUnsigned(spellings[a], spellings[b]))
            .mapToInt(Integer::intValue)
            .toArray();
    sorted = new byte[ids.length][];
    for (int i = 0; i < ids.length; i++) {
      sorted[i] = spellings[ids[i]];
      begins[Byte.toUnsignedInt(sorted[i][0])] = true;
    }
  }

  /** Receives a nonempty segment of text. */
  @FunctionalInterface
  interface Segment {
    void accept(int start, int end);
  }

  /**
   * Passes on the tokens of a text and the segments between them, in order. A token inside white
   * space that the previous token has stripped is still found, as in Hugging Face tokenizers.
   */
  void split(byte[] text, Segment between, IntConsumer found) {
    int done = 0;
    int pos = 0;
    while (pos < text.length) {
      int id = tokenAt(text, pos);
      if (id < 0) {
        pos++;
        continue;
      }
      int after = pos + spellings[id].length;
      if (isAllowed(id, text, pos, after)) {
        int segmentEnd = endBefore(id, text, pos);
        if (done < segmentEnd) {
          between.accept(done, segmentEnd);
        }
        found.accept(id);
        done = startAfter(id, text, after);
      }
      pos = after;
    }
    if (done < text.length) {
      between.accept(done, text.length);
    }
  }

  /**
   * Returns whether a token counts at {@code pos}; single-word tokens need word boundaries on both
   * sides.
   */
  private boolean isAllowed(int id, byte[] text, int pos, int after) {
    if (!rules.singleWords().contains(id)) {
      return true;
    }
    boolean wordBefore =
        pos > 0 && CharSet.WORD.containsAt(text, Utf8.lastStart(text, 0, pos), pos);
    return !wordBefore
        && !(after < text.length && CharSet.WORD.containsAt(text, after, text.length));
  }

  /** Returns the end of the segment before a token, without stripped white space. */
  private int endBefore(int id, byte[] text, int pos) {
    int end = pos;
    while (rules.stripsLeft().contains(id) && end > 0) {
      int last = Utf8.lastStart(text, 0, end);
      if (!CharSet.SPACE.containsAt(text, last, end)) {
        break;
      }
      end = last;
    }
    return end;
  }

  /** Returns the start of the segment after a token, without stripped white space. */
  private int startAfter(int id, byte[] text, int pos) {
    int start = pos;
    while (rules.stripsRight().contains(id)
        && start < text.length
        && CharSet.SPACE.containsAt(text, start, text.length)) {
      start += Utf8.lengthAt(text, start, text.length);
    }
    return start;
  }

  /** Returns the longest token at {@code pos}, or −1. */
  private int tokenAt(byte[] text, int pos) {
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
   * Returns the first of the tokens in a range that has a byte of at least {@code value} at {@code
   * depth}; the tokens agree before that byte.
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
