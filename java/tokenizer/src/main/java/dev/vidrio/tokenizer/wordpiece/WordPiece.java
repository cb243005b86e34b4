package dev.vidrio.tokenizer.wordpiece;

import dev.vidrio.tokenizer.encoding.IntList;
import dev.vidrio.tokenizer.encoding.TokenIndex;
import dev.vidrio.tokenizer.encoding.WordModel;

/**
 * WordPiece (Schuster and Nakajima 2012; Wu et al. 2016, arXiv 1609.08144): from left to right, the
 * longest token that matches. The first piece of a word is searched among the tokens that begin
 * words, the others among those that continue them. A word that cannot be spelled so, or is too
 * long, becomes the unknown token as a whole.
 */
public final class WordPiece implements WordModel {

  /** The default maximum length of a word in characters. */
  public static final int MAX_CHARACTERS = 100;

  private final TokenIndex starts;
  private final TokenIndex continuations;
  private final int unknown;
  private final int maxCharacters;

  /**
   * Creates the model.
   *
   * @param starts the tokens that begin a word
   * @param continuations the tokens that continue a word, without their prefix
   * @param unknown the unknown token
   * @param maxCharacters the maximum length of a word in characters
   */
  public WordPiece(TokenIndex starts, TokenIndex continuations, int unknown, int maxCharacters) {
    this.starts = starts;
    this.continuations = continuations;
    this.unknown = unknown;
    this.maxCharacters = maxCharacters;
  }

  @Override
  public WordEncoder encoder() {
    return this::encode;
  }

  private void encode(byte[] text, int start, int end, IntList out) {
    int mark = out.size();
    boolean known = end - start <= maxCharacters || characters(text, start, end) <= maxCharacters;
    TokenIndex tokens = starts;
    for (int pos = start; known && pos < end; ) {
      int id = tokens.longest(text, pos, end);
      known = id >= 0;
      if (known) {
        out.add(id);
        pos += tokens.length(id);
        tokens = continuations;
      }
    }
    if (!known) {
      out.truncate(mark);
      out.add(unknown);
    }
  }

  /** Counts the bytes that do not continue a character. */
  private static int characters(byte[] text, int start, int end) {
    int count = 0;
    for (int pos = start; pos < end; pos++) {
      count += (text[pos] & 0xC0) == 0x80 ? 0 : 1;
    }
    return count;
  }
}
