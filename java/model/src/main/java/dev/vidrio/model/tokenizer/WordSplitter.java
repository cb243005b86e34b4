package dev.vidrio.model.tokenizer;

import static dev.vidrio.model.tokenizer.Characters.at;
import static dev.vidrio.model.tokenizer.Characters.kind;
import static dev.vidrio.model.tokenizer.Characters.length;

/**
 * Cuts text into the words within which tokens are merged. Models define this by a regular
 * expression; here each is a scanner that looks at no byte more than a few times, whatever the
 * text.
 */
interface WordSplitter {

  /**
   * Returns the end of the word that begins at {@code start}. Text before {@code start} and from
   * {@code end} on does not count.
   */
  int endOfWord(byte[] text, int start, int end);

  /** Returns the end of the run of characters of a kind that begins at {@code pos}. */
  static int endOfRun(int kind, byte[] text, int pos, int end) {
    int next = pos;
    for (int c = at(text, next, end); kind(c) == kind; c = at(text, next, end)) {
      next += length(c);
    }
    return next;
  }

  /**
   * Returns where the last character of a run begins.
   *
   * @param start the run's start
   * @param end the run's end
   */
  static int lastCharacter(byte[] text, int start, int end) {
    int last = end - 1;
    while (last > start && (text[last] & 0xC0) == 0x80) {
      last--;
    }
    return last;
  }
}
