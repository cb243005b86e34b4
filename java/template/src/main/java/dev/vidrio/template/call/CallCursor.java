package dev.vidrio.template.call;

import java.util.List;

/** A position in a text that grows, at which elements of calls are read. */
final class CallCursor {
  /** The maximum length of names and keys. */
  private static final int MAX_NAME = 256;

  private static final String DELIMITERS = "<>[](){}\"'`:,|=;";

  final StringBuilder text;
  int at;
  boolean isEnded;
  private String word = "";

  CallCursor(StringBuilder text, int at) {
    this.text = text;
    this.at = at;
  }

  /** Returns the word that was read last. */
  String word() {
    return word;
  }

  /** Reads white space; returns false at the end of the text so far. */
  boolean skipSpace() {
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
      at++;
    }
    return at < text.length();
  }

  /** Returns whether a text comes next. */
  boolean isAt(String expected) {
    return text.length() - at >= expected.length()
        && text.substring(at, at + expected.length()).equals(expected);
  }

  /** Reads the rest of a response if it is the beginning of a text. */
  boolean takeBeginningOf(String expected) {
    if (!isEnded) {
      return false;
    }
    String rest = text.substring(at).replaceAll("\\s+", "");
    boolean isBeginning = expected.replaceAll("\\s+", "").startsWith(rest);
    at = isBeginning ? text.length() : at;
    return isBeginning;
  }

  /** Returns {@link Step#MORE}, or {@link Step#FAIL} if no more text will come. */
  Step more() {
    return isEnded ? Step.FAIL : Step.MORE;
  }

  /** Reads a literal text, in which each run of white space is optional. */
  Step literal(String literal) {
    int p = at;
    int end = at;
    for (int i = 0; i < literal.length(); i++) {
      char c = literal.charAt(i);
      boolean isBlank = Character.isWhitespace(c);
      if (isBlank || i == 0) {
        while (p < text.length() && Character.isWhitespace(text.charAt(p))) {
          p++;
        }
      }
      if (isBlank) {
        continue;
      }
      if (p == text.length()) {
        return more();
      }
      if (text.charAt(p++) != c) {
        return Step.FAIL;
      }
      end = p;
    }
    at = end;
    return Step.DONE;
  }

  /** Reads the white space that a literal ends with, if it comes next. */
  Step trailingSpace(String literal) {
    String space = literal.substring(literal.stripTrailing().length());
    if (space.isEmpty()) {
      return Step.DONE;
    }
    int end = Math.min(text.length(), at + space.length());
    if (!space.startsWith(text.substring(at, end))) {
      return Step.DONE;
    }
    if (end < at + space.length()) {
      return more();
    }
    at = end;
    return Step.DONE;
  }

  /** Reads a name or an id. */
  Step name() {
    if (!skipSpace()) {
      return more();
    }
    int end = at;
    while (end < text.length()
        && !Character.isWhitespace(text.charAt(end))
        && DELIMITERS.indexOf(text.charAt(end)) < 0) {
      end++;
    }
    if (end == text.length() && !isEnded && end - at < MAX_NAME) {
      return Step.MORE;
    }
    return take(end);
  }

  /** Reads the text up to one of several ends, which is not read. */
  Step until(List<String> ends) {
    int found = -1;
    for (String end : ends) {
      int i = text.indexOf(end, at);
      found = i >= 0 && (found < 0 || i < found) ? i : found;
    }
    return found >= 0 ? take(found) : text.length() - at > MAX_NAME ? Step.FAIL : more();
  }

  private Step take(int end) {
    word = text.substring(at, end).strip();
    if (word.isEmpty() || word.length() > MAX_NAME) {
      return Step.FAIL;
    }
    at = end;
    return Step.DONE;
  }
}
