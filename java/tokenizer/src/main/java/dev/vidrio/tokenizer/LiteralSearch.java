package dev.vidrio.tokenizer;

import dev.vidrio.tokenizer.text.CharSet;
import dev.vidrio.tokenizer.text.Utf8;
import dev.vidrio.tokenizer.vocabulary.LiteralRules;
import java.util.function.IntConsumer;
import java.util.function.IntPredicate;

/** Splits text at literal tokens, according to {@link LiteralRules}. */
final class LiteralSearch {

  private final LiteralTokens tokens;
  private final byte[][] spellings;
  private final LiteralRules rules;

  /**
   * Creates a search for some tokens of a vocabulary.
   *
   * @param spellings the spelling of each token in the text
   * @param selected selects the ids to find
   */
  LiteralSearch(byte[][] spellings, IntPredicate selected, LiteralRules rules) {
    this.tokens = new LiteralTokens(spellings, selected);
    this.spellings = spellings;
    this.rules = rules;
  }

  /** Receives a nonempty segment of text. */
  @FunctionalInterface
  interface Segment {
    void accept(int start, int end);
  }

  /**
   * Passes on the tokens from {@code start} to before {@code end} and the segments between them, in
   * order. A token inside white space that the previous token has stripped is still found, as in
   * Hugging Face tokenizers.
   */
  void split(byte[] text, int start, int end, Segment between, IntConsumer found) {
    int done = start;
    int pos = start;
    while (pos < end) {
      int id = tokens.at(text, pos, end);
      if (id < 0) {
        pos++;
        continue;
      }
      int after = pos + spellings[id].length;
      if (isAllowed(id, text, start, pos, after, end)) {
        int segmentEnd = endBefore(id, text, start, pos);
        if (done < segmentEnd) {
          between.accept(done, segmentEnd);
        }
        found.accept(id);
        done = startAfter(id, text, after, end);
      }
      pos = after;
    }
    if (done < end) {
      between.accept(done, end);
    }
  }

  /**
   * Returns whether a token counts at {@code pos}; single-word tokens need word boundaries on both
   * sides.
   */
  private boolean isAllowed(int id, byte[] text, int start, int pos, int after, int end) {
    if (!rules.singleWords().contains(id)) {
      return true;
    }
    boolean wordBefore =
        pos > start && CharSet.WORD.containsAt(text, Utf8.lastStart(text, start, pos), pos);
    return !wordBefore && !(after < end && CharSet.WORD.containsAt(text, after, end));
  }

  /** Returns the end of the segment before a token, without stripped white space. */
  private int endBefore(int id, byte[] text, int start, int pos) {
    int end = pos;
    while (rules.stripsLeft().contains(id) && end > start) {
      int last = Utf8.lastStart(text, start, end);
      if (!CharSet.SPACE.containsAt(text, last, end)) {
        break;
      }
      end = last;
    }
    return end;
  }

  /** Returns the start of the segment after a token, without stripped white space. */
  private int startAfter(int id, byte[] text, int pos, int end) {
    int start = pos;
    while (rules.stripsRight().contains(id)
        && start < end
        && CharSet.SPACE.containsAt(text, start, end)) {
      start += Utf8.lengthAt(text, start, end);
    }
    return start;
  }
}
