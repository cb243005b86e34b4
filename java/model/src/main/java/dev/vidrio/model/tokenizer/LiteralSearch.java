package dev.vidrio.model.tokenizer;

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
      if (rules.mayStand(id, text, start, pos, after, end)) {
        int stretchEnd = rules.endBefore(id, text, start, pos);
        if (done < stretchEnd) {
          between.accept(done, stretchEnd);
        }
        found.accept(id);
        done = rules.startAfter(id, text, after, end);
      }
      pos = after;
    }
    if (done < end) {
      between.accept(done, end);
    }
  }
}
