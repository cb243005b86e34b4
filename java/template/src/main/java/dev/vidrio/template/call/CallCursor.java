package dev.vidrio.template.call;

/** A position in a text that grows, at which elements of calls are read. */
final class CallCursor {
  /** The maximum length of names and keys. */
  private static final int MAX_NAME = 256;

  private static final String DELIMITERS = "<>[](){}\"'`:,|=;";

  final StringBuilder text;
  int at;
  boolean isEnded;
  private String word = "";

  /** The run of white space that was found last, so that a growing one is not read again. */
  private int spaceBegin;

  private int spaceEnd;
  private int reached;

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
    at = afterSpace(at);
    return at < text.length();
  }

  /**
   * Returns the end of the white space that begins at a position; the position if there is none.
   */
  int afterSpace(int from) {
    boolean isKnown = spaceBegin <= from && from <= spaceEnd;
    int end = isKnown ? spaceEnd : from;
    while (end < text.length() && Character.isWhitespace(text.charAt(end))) {
      end++;
    }
    spaceBegin = isKnown ? spaceBegin : from;
    spaceEnd = end;
    return end;
  }

  /** Forgets how far calls were read. */
  void begin() {
    reached = 0;
  }

  /** Records that a value was read, which ends at a position. */
  void reach(int end) {
    reached = Math.max(reached, end);
  }

  /**
   * Returns the end of the values that were read since {@link #begin}: that of the text if its end
   * was met after the end of the response. It does not depend on the pieces of the text.
   */
  int reached() {
    return reached;
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
    int p = afterSpace(at);
    for (int i = 0; i < expected.length() && p < text.length(); i++) {
      if (!Character.isWhitespace(expected.charAt(i))) {
        if (text.charAt(p) != expected.charAt(i)) {
          return false;
        }
        p = afterSpace(p + 1);
      }
    }
    boolean isBeginning = p == text.length();
    at = isBeginning ? p : at;
    return isBeginning;
  }

  /** Returns {@link Step#MORE}, or {@link Step#FAIL} if no more text will come. */
  Step more() {
    if (isEnded) {
      reach(text.length());
    }
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
        p = afterSpace(p);
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
        && end - at <= MAX_NAME
        && !Character.isWhitespace(text.charAt(end))
        && DELIMITERS.indexOf(text.charAt(end)) < 0) {
      end++;
    }
    if (end == text.length() && !isEnded && end - at <= MAX_NAME) {
      return Step.MORE;
    }
    return take(end);
  }

  /** Reads the text up to an end, which is not read. */
  Step until(String end) {
    int last = at + MAX_NAME + end.length();
    int found = text.substring(at, Math.min(text.length(), last)).indexOf(end);
    return found >= 0 ? take(at + found) : text.length() >= last ? Step.FAIL : more();
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
