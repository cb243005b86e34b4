package dev.vidrio.model.generation;

import java.util.List;

/** Finds the end of a text that may be the beginning of a search string. */
public final class PartialMatch {
  private PartialMatch() {}

  /**
   * Returns the length of the longest suffix of a text that is a proper prefix of a search string.
   */
  public static int length(StringBuilder text, List<String> searched) {
    int longest = 0;
    for (String string : searched) {
      for (int n = Math.min(string.length() - 1, text.length()); n > longest; n--) {
        if (text.substring(text.length() - n).equals(string.substring(0, n))) {
          longest = n;
        }
      }
    }
    return longest;
  }
}
