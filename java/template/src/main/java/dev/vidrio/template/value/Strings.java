package dev.vidrio.template.value;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Python's string operations: positions count code points, and white space is Unicode's. */
public final class Strings {

  /** The length up to which naive search is as fast as the linear one. */
  private static final int SHORT_NEEDLE = 8;

  private Strings() {}

  /** Returns whether a code point is white space. */
  public static boolean isSpace(int c) {
    return switch (c) {
      case ' ', 0x85, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000 -> true;
      default ->
          (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f) || (c >= 0x2000 && c <= 0x200a);
    };
  }

  static boolean isLineBreak(int c) {
    return switch (c) {
      case 0x85, 0x2028, 0x2029 -> true;
      default -> (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e);
    };
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

  /** Returns whether a text contains another. */
  public static boolean contains(String s, String needle) {
    return needle.isEmpty() || occurrences(s, needle).length > 0;
  }

  /** Returns the nonoverlapping occurrences from the left, at most {@code max}. */
  public static List<Integer> disjoint(String s, String needle, long max) {
    List<Integer> kept = new ArrayList<>();
    int free = 0;
    for (int at : occurrences(s, needle)) {
      if (at >= free && kept.size() < max) {
        kept.add(at);
        free = at + needle.length();
      }
    }
    return kept;
  }

  /**
   * Returns the nonoverlapping occurrences from the right, at most {@code max}, in ascending order.
   */
  public static List<Integer> disjointFromRight(String s, String needle, long max) {
    List<Integer> kept = new ArrayList<>();
    int[] all = occurrences(s, needle);
    int free = s.length();
    for (int i = all.length - 1; i >= 0 && kept.size() < max; i--) {
      if (all[i] + needle.length() <= free) {
        kept.add(all[i]);
        free = all[i];
      }
    }
    return kept.reversed();
  }

  /** Splits a text at occurrences of a separator of a length. */
  public static List<String> cut(String s, List<Integer> occurrences, int length) {
    List<String> parts = new ArrayList<>();
    int start = 0;
    for (int at : occurrences) {
      parts.add(s.substring(start, at));
      start = at + length;
    }
    parts.add(s.substring(start));
    return parts;
  }

  /**
   * Splits at runs of white space from the left, at most {@code max} times; the rest is unchanged.
   */
  public static List<String> splitSpace(String s, long max) {
    List<String> parts = new ArrayList<>();
    int i = skip(s, 0, true);
    while (i < s.length()) {
      int end = parts.size() < max ? skip(s, i, false) : s.length();
      parts.add(s.substring(i, end));
      i = skip(s, end, true);
    }
    return parts;
  }

  /** Splits at runs of white space from the right, at most {@code max} times. */
  public static List<String> splitSpaceFromRight(String s, long max) {
    List<String> parts = new ArrayList<>();
    int end = skipBack(s, s.length(), true);
    while (end > 0) {
      int start = parts.size() < max ? skipBack(s, end, false) : 0;
      parts.add(s.substring(start, end));
      end = skipBack(s, start, true);
    }
    return parts.reversed();
  }

  private static int skip(String s, int index, boolean space) {
    int i = index;
    while (i < s.length() && isSpace(s.charAt(i)) == space) {
      i++;
    }
    return i;
  }

  private static int skipBack(String s, int index, boolean space) {
    int i = index;
    while (i > 0 && isSpace(s.charAt(i - 1)) == space) {
      i--;
    }
    return i;
  }

  /** Splits at line breaks, which are kept or removed. */
  public static List<String> splitLines(String s, boolean keepBreaks) {
    List<String> lines = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < s.length(); ) {
      if (!isLineBreak(s.charAt(i))) {
        i++;
        continue;
      }
      int end = i;
      i += s.startsWith("\r\n", i) ? 2 : 1;
      lines.add(s.substring(start, keepBreaks ? i : end));
      start = i;
    }
    if (start < s.length()) {
      lines.add(s.substring(start));
    }
    return lines;
  }

  /** Replaces the first {@code max} occurrences. */
  public static String replace(String s, String old, String with, long max) {
    if (!old.isEmpty()) {
      return String.join(with, cut(s, disjoint(s, old, max), old.length()));
    }
    StringBuilder out = new StringBuilder();
    long count = 0;
    for (int i = 0; i <= s.length(); ) {
      if (count++ < max) {
        out.append(with);
      }
      if (i == s.length()) {
        break;
      }
      int codePoint = s.codePointAt(i);
      out.appendCodePoint(codePoint);
      i += Character.charCount(codePoint);
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

  private static String titleCase(int codePoint) {
    String upper = upper(Character.toString(codePoint));
    boolean expands = upper.codePointCount(0, upper.length()) > 1;
    return expands
        ? upper.charAt(0) + lower(upper.substring(1))
        : Character.toString(Character.toTitleCase(codePoint));
  }

  /** Returns the text with every run of letters capitalized. */
  public static String title(String s) {
    StringBuilder out = new StringBuilder(s.length());
    boolean inWord = false;
    for (int i = 0; i < s.length(); ) {
      int codePoint = s.codePointAt(i);
      i += Character.charCount(codePoint);
      out.append(inWord ? lower(Character.toString(codePoint)) : titleCase(codePoint));
      inWord = isCased(codePoint);
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

  /** Returns the code points in reverse order. */
  public static String reverse(String s) {
    return new StringBuilder(s).reverse().toString();
  }

  /** Escapes the special characters of HTML. */
  public static String escapeHtml(String s) {
    StringBuilder out = new StringBuilder(s.length());
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      switch (c) {
        case '&' -> out.append("&amp;");
        case '<' -> out.append("&lt;");
        case '>' -> out.append("&gt;");
        case '\'' -> out.append("&#39;");
        case '"' -> out.append("&#34;");
        default -> out.append(c);
      }
    }
    return out.toString();
  }
}
