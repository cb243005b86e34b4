package dev.vidrio.model.chat;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;

/**
 * Attributes the tokens of an answer to its content or its reasoning. A token without text belongs
 * to the text that comes next, as the beginning of a mark or of a character does. For one answer;
 * not thread-safe.
 */
final class ContentTokens {
  private static final int NOT_CONTENT = -1;

  /** The length of the content before each token. */
  private final List<Integer> begins = new ArrayList<>();

  private int silent;
  private int reasoning;
  private int reported;

  /**
   * Adds a token.
   *
   * @param begin length of the content before the token
   * @param end length of the content after the token
   * @param isReasoning if true, the token is reasoning or a mark of it; the one that ends the
   *     reasoning may also add content
   */
  void add(int begin, int end, boolean isReasoning) {
    begins.add(begin);
    if (end > begin) {
      silent = 0;
    } else {
      silent++;
    }
    if (isReasoning) {
      reasoning += silent == 0 ? 1 : 0;
      countSilent();
    }
  }

  /** Counts the last tokens without text as reasoning. */
  void countSilent() {
    reasoning += silent;
    dropSilent();
  }

  /** Excludes the last tokens without text from the content: white space after the reasoning. */
  void dropSilent() {
    for (; silent > 0; silent--) {
      begins.set(begins.size() - silent, NOT_CONTENT);
    }
  }

  /** Returns the number of reasoning tokens. */
  int reasoning() {
    return reasoning;
  }

  /**
   * Returns the indices, among all tokens of the answer, of those that form the content up to a
   * length and were not returned before.
   *
   * @param isCall tells whether a position belongs to a call
   */
  List<Integer> newContent(int length, IntPredicate isCall) {
    List<Integer> indices = new ArrayList<>();
    for (; reported < begins.size() && begins.get(reported) < length; reported++) {
      int begin = begins.get(reported);
      if (begin != NOT_CONTENT && !isCall.test(begin)) {
        indices.add(reported);
      }
    }
    return indices;
  }
}
