package dev.vidrio.model;

import java.util.ArrayList;
import java.util.List;

/**
 * Which tokens of an answer are reasoning, and which ones its content is made of. A token that
 * brings no text belongs to what comes next, as the beginning of a mark or of a character does. For
 * one answer and one thread.
 */
final class TokenParts {
  private static final int NOT_CONTENT = -1;

  /** The length of the content before each token. */
  private final List<Integer> begins = new ArrayList<>();

  private int silent;
  private int reasoning;
  private int told;

  /**
   * Takes a token.
   *
   * @param begin length of the content before it
   * @param end length of the content with it
   * @param thought whether it is reasoning or marks of it; what ends a thought may bring content
   */
  void take(int begin, int end, boolean thought) {
    begins.add(begin);
    if (end > begin) {
      silent = 0;
    } else {
      silent++;
    }
    if (thought) {
      reasoning += silent == 0 ? 1 : 0;
      countSilent();
    }
  }

  /** Those that brought no text yet turn out to be reasoning. */
  void countSilent() {
    reasoning += silent;
    passOver();
  }

  /** Those that brought no text yet turn out to be white space behind a thought. */
  void passOver() {
    for (; silent > 0; silent--) {
      begins.set(begins.size() - silent, NOT_CONTENT);
    }
  }

  /** How many are reasoning. */
  int reasoning() {
    return reasoning;
  }

  /**
   * Those that the content up to a length is made of, but for those that this returned before:
   * their places among all tokens of the answer.
   */
  List<Integer> newContent(int length) {
    List<Integer> places = new ArrayList<>();
    for (; told < begins.size() && begins.get(told) < length; told++) {
      if (begins.get(told) != NOT_CONTENT) {
        places.add(told);
      }
    }
    return places;
  }
}
