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
   * Passes on the tokens of a text and the segments between them, in order. A token inside white
   * space that the previous token has stripped is still found, as in Hugging Face tokenizers.
   */
  void split(byte[] text, Segment between, IntConsumer found) {
    int done = 0;
    int pos = 0;
    while (pos < text.length) {
      int id = tokens.at(text, pos);
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
}
