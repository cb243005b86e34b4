package dev.vidrio.template.value;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Python's string operations: positions count code points, and white space is Unicode's. */
public final class Strings {

  /** The length up to which naive search is as fast as the linear one. */
  private static final int SHORT_NEEDLE = 8;

  /** The white space characters, in a character class of a regular expression. */
  public static final String SPACE = "\\s\\p{IsWhite_Space}\\x1c-\\x1f";

  private static final Pattern WORD = Pattern.compile("[^" + SPACE + "]+");

  private static final Pattern LINE_BREAK =
      Pattern.compile("\r\n|[\n-\r\\x1c-\\x1e\\x85\\u2028\\u2029]");

  private Strings() {}

  /** Returns whether a code point is white space. */
  public static boolean isSpace(int c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
  }

  /** Returns the number of code points. */
  public static int length(String s) {
    return s.codePointCount(0, s.length());
  }

  /** Strips white space, or the given characters, from the selected ends. */
  public static String strip(String s, @Nullable String characters, boolean left, boolean right) {
    int start = 0;
    int end = s.length();
    while (left && start < end && strips(s.codePointAt(start), characters)) {
      start += Character.charCount(s.codePointAt(start));
    }
    while (right && end > start && strips(s.codePointBefore(end), characters)) {
      end -= Character.charCount(s.codePointBefore(end));
    }
    return s.substring(start, end);
  }

  private static boolean strips(int codePoint, @Nullable String characters) {
    return characters == null ? isSpace(codePoint) : characters.indexOf(codePoint) >= 0;
  }

  /**
   * Returns all occurrences of a text, including overlapping ones, in linear time (Knuth, Morris
   * and Pratt 1977).
   *
   * @param needle the text to find; not empty
   */
  public static int[] occurrences(String s, String needle) {
    int[] found = new int[4];
    int count = 0;
    int[] border = needle.length() <= SHORT_NEEDLE ? new int[0] : borders(needle);
    int matched = 0;
    for (int i = 0; i < s.length(); i++) {
      int at = -1;
      if (border.length == 0) {
        i = s.indexOf(needle, i);
        at = i;
        if (i < 0) {
          break;
        }
      } else {
        while (matched > 0 && (matched == needle.length() || differs(s, i, needle, matched))) {
          matched = border[matched - 1];
        }
        matched += differs(s, i, needle, matched) ? 0 : 1;
        at = matched == needle.length() ? i - matched + 1 : -1;
      }
      if (at >= 0) {
        found = count == found.length ? Arrays.copyOf(found, 2 * count) : found;
        found[count++] = at;
      }
    }
    return Arrays.copyOf(found, count);
  }

  private static boolean differs(String s, int i, String needle, int j) {
    return s.charAt(i) != needle.charAt(j);
  }

  /** Returns, for each prefix, the length of its longest proper prefix that is also a suffix. */
  private static int[] borders(String needle) {
    int[] border = new int[needle.length()];
    int matched = 0;
    for (int i = 1; i < needle.length(); i++) {
      while (matched > 0 && differs(needle, i, needle, matched)) {
        matched = border[matched - 1];
      }
      matched += differs(needle, i, needle, matched) ? 0 : 1;
      border[i] = matched;
    }
    return border;
  }

  /**
   * Returns the nonoverlapping occurrences from the left or from the right, at most {@code max}, in
   * ascending order.
   */
  public static List<Integer> disjoint(String s, String needle, long max, boolean left) {
    List<Integer> kept = new ArrayList<>();
    int[] all = occurrences(s, needle);
    for (int i = 0; i < all.length && kept.size() < max; i++) {
      int at = all[left ? i : all.length - 1 - i];
      if (kept.isEmpty() || Math.abs(at - kept.getLast()) >= needle.length()) {
        kept.add(at);
      }
    }
    return left ? kept : kept.reversed();
  }

  /** Splits a text at its {@linkplain #disjoint disjoint} occurrences of a separator. */
  public static List<String> split(String s, String separator, long max, boolean left) {
    List<String> parts = new ArrayList<>();
    int start = 0;
    for (int at : disjoint(s, separator, max, left)) {
      parts.add(s.substring(start, at));
      start = at + separator.length();
    }
    parts.add(s.substring(start));
    return parts;
  }

  /**
   * Splits at runs of white space from the left or from the right, at most {@code max} times; the
   * rest is unchanged.
   */
  public static List<String> splitSpace(String s, long max, boolean left) {
    List<MatchResult> words = WORD.matcher(s).results().toList();
    if (words.size() <= max) {
      return words.stream().map(MatchResult::group).toList();
    }
    int rest = left ? (int) max : words.size() - 1 - (int) max;
    List<MatchResult> split = left ? words.subList(0, rest) : words.subList(rest + 1, words.size());
    List<String> parts = new ArrayList<>(split.stream().map(MatchResult::group).toList());
    if (left) {
      parts.add(s.substring(words.get(rest).start()));
    } else {
      parts.addFirst(s.substring(0, words.get(rest).end()));
    }
    return parts;
  }

  /** Splits at line breaks, which are kept or removed. */
  public static List<String> splitLines(String s, boolean keepBreaks) {
    List<String> lines = new ArrayList<>();
    int start = 0;
    Matcher end = LINE_BREAK.matcher(s);
    while (end.find()) {
      lines.add(s.substring(start, keepBreaks ? end.end() : end.start()));
      start = end.end();
    }
    if (start < s.length()) {
      lines.add(s.substring(start));
    }
    return lines;
  }

  /** Replaces the first {@code max} occurrences. */
  public static String replace(String s, String old, String with, long max) {
    if (!old.isEmpty()) {
      return String.join(with, split(s, old, max, true));
    }
    StringBuilder out = new StringBuilder(max > 0 ? with : "");
    long count = 1;
    for (int codePoint : s.codePoints().toArray()) {
      out.appendCodePoint(codePoint).append(count++ < max ? with : "");
    }
    return out.toString();
  }

  /** Returns the text in lower case. */
  public static String lower(String s) {
    return s.toLowerCase(Locale.ROOT);
  }

  /** Returns the text in upper case. */
  public static String upper(String s) {
    return s.toUpperCase(Locale.ROOT);
  }

  /** Returns the text with the first character in title case and the others in lower case. */
  public static String capitalize(String s) {
    if (s.isEmpty()) {
      return s;
    }
    int first = s.codePointAt(0);
    return titleCase(first) + lower(s.substring(Character.charCount(first)));
  }

  /** Returns a character in title case. */
  public static String titleCase(int codePoint) {
    String upper = upper(Character.toString(codePoint));
    boolean expands = upper.codePointCount(0, upper.length()) > 1;
    return expands
        ? upper.charAt(0) + lower(upper.substring(1))
        : Character.toString(Character.toTitleCase(codePoint));
  }

  /**
   * Returns the text with every word capitalized.
   *
   * @param first the conversion of a word's first character
   * @param continues whether a word continues after a character
   */
  public static String title(String s, IntFunction<String> first, IntPredicate continues) {
    StringBuilder out = new StringBuilder(s.length());
    boolean inWord = false;
    for (int codePoint : s.codePoints().toArray()) {
      out.append(inWord ? lower(Character.toString(codePoint)) : first.apply(codePoint));
      inWord = continues.test(codePoint);
    }
    return out.toString();
  }

  /** Returns the text with upper and lower case exchanged. */
  public static String swapCase(String s) {
    StringBuilder out = new StringBuilder(s.length());
    s.codePoints()
        .map(c -> Character.isUpperCase(c) ? Character.toLowerCase(c) : Character.toUpperCase(c))
        .forEach(out::appendCodePoint);
    return out.toString();
  }

  /** Returns whether a code point has case. */
  public static boolean isCased(int c) {
    return Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
  }

  /** Returns whether a text has cased letters, all of one case. */
  public static boolean isAllCase(String s, boolean upper) {
    return s.codePoints().anyMatch(Strings::isCased)
        && s.codePoints().noneMatch(c -> isCased(c) && Character.isUpperCase(c) != upper);
  }

  /** Escapes the special characters of HTML. */
  public static String escapeHtml(String s) {
    return s.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("'", "&#39;")
        .replace("\"", "&#34;");
  }
}
