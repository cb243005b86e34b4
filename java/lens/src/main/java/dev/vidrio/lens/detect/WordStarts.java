package dev.vidrio.lens.detect;

import dev.vidrio.tokenizer.Tokenizer;

/** Finds the tokens of a text that continue a word: a run of letters. */
final class WordStarts {
  private WordStarts() {}

  /**
   * Returns the position of the first token of each token's word, which is its own if it begins
   * with anything but a letter, or follows a token that ends with anything but a letter.
   */
  static int[] of(Tokenizer tokenizer, int[] tokens) {
    var starts = new int[tokens.length];
    boolean inWord = false;
    for (int i = 0; i < tokens.length; i++) {
      String piece = tokenizer.isSpecial(tokens[i]) ? "" : tokenizer.piece(tokens[i]);
      boolean continues = inWord && !piece.isEmpty() && Character.isLetter(piece.codePointAt(0));
      starts[i] = continues ? starts[i - 1] : i;
      inWord = !piece.isEmpty() && Character.isLetter(piece.codePointBefore(piece.length()));
    }
    return starts;
  }
}
