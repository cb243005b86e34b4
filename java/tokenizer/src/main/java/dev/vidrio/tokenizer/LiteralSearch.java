package dev.vidrio.tokenizer;

import dev.vidrio.tokenizer.text.CharSet;
import dev.vidrio.tokenizer.text.Utf8;
import dev.vidrio.tokenizer.vocabulary.LiteralRules;
import java.util.function.IntConsumer;
import java.util.function.IntPredicate;

/** Cuts text at literal tokens, as the {@link LiteralRules} say. */
final class LiteralSearch {

  private final LiteralTokens tokens;
  private final byte[][] spellings;
  private final LiteralRules rules;

  /**
   * Selects tokens.
   *
   * @param spellings what each token of the vocabulary looks like in the text
   * @param selected which of them to find
   */
  LiteralSearch(byte[][] spellings, IntPredicate selected, LiteralRules rules) {
    this.tokens = new LiteralTokens(spellings, selected);
    this.spellings = spellings;
    this.rules = rules;
  }

  /** Takes a stretch of text; it is not empty. */
  @FunctionalInterface
  interface Stretch {
    void accept(int start, int end);
  }

  /**
   * Gives the tokens from {@code start} to before {@code end}, and the stretches between, in order.
   * A token may stand in the white space that the one before has taken; it then is found, as in
   * Hugging Face tokenizers.
   */
  void cut(byte[] text, int start, int end, Stretch between, IntConsumer found) {
    int done = start;
    int pos = start;
    while (pos < end) {
      int id = tokens.at(text, pos, end);
      if (id < 0) {
        pos++;
        continue;
      }
      int after = pos + spellings[id].length;
      if (mayStand(id, text, start, pos, after, end)) {
        int stretchEnd = endBefore(id, text, start, pos);
        if (done < stretchEnd) {
          between.accept(done, stretchEnd);
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

  /** Says whether a token counts at a place of a text from {@code start} to before {@code end}. */
  private boolean mayStand(int id, byte[] text, int start, int pos, int after, int end) {
    if (!rules.singleWords().contains(id)) {
      return true;
    }
    boolean wordBefore =
        pos > start && CharSet.WORD.containsAt(text, Utf8.lastStart(text, start, pos), pos);
    return !wordBefore && !(after < end && CharSet.WORD.containsAt(text, after, end));
  }

  /** Returns where the stretch of text before a token ends. */
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

  /** Returns where the stretch of text after a token begins. */
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
