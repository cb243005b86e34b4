package dev.vidrio.error;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * Suggests the names that a mistyped name may have meant, for "Did you mean" hints.
 *
 * <p>Names are compared by optimal string alignment distance: insertions, deletions, substitutions
 * and transpositions of adjacent characters, each counted once.
 */
public final class SimilarNames {

  /**
   * The longest name for which suggestions are computed, since the distance takes quadratic time.
   */
  private static final int MAX_LENGTH = 64;

  private SimilarNames() {}

  /**
   * Returns the names that are similar to a mistyped one, the nearest first.
   *
   * <p>A name is similar if its distance is at most a third of the typed length (at least 1), or if
   * one of the two is a prefix of the other and the typed text has three or more characters.
   *
   * @param typed the mistyped name; case is ignored
   * @param names the valid names, in lower case
   */
  public static List<String> of(String typed, List<String> names) {
    if (typed.length() > MAX_LENGTH) {
      return List.of();
    }
    String text = typed.toLowerCase(Locale.ROOT);
    return names.stream()
        .filter(name -> isNear(text, name))
        .sorted(Comparator.comparingInt(name -> distance(text, name)))
        .toList();
  }

  private static boolean isNear(String text, String name) {
    if (text.length() >= 3 && (name.startsWith(text) || text.startsWith(name))) {
      return true;
    }
    return distance(text, name) <= Math.max(1, text.length() / 3);
  }

  /** Returns the optimal string alignment distance of two strings. */
  public static int distance(String a, String b) {
    int[][] d = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      d[i][0] = i;
    }
    for (int j = 0; j <= b.length(); j++) {
      d[0][j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      for (int j = 1; j <= b.length(); j++) {
        int replace = d[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        d[i][j] = Math.min(replace, 1 + Math.min(d[i - 1][j], d[i][j - 1]));
        if (i > 1
            && j > 1
            && a.charAt(i - 1) == b.charAt(j - 2)
            && a.charAt(i - 2) == b.charAt(j - 1)) {
          d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
        }
      }
    }
    return d[a.length()][b.length()];
  }
}
