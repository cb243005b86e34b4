package dev.vidrio.template.call;

/** Finds the end of a JSON value in a text that grows. Brackets are counted, not checked. */
final class JsonScanner {
  private int at;
  private int depth;
  private boolean inString;
  private boolean isEscaped;
  private boolean isEnded;

  /** Creates a scanner of the value that begins at a position, which is not white space. */
  JsonScanner(int from) {
    this.at = from;
  }

  /** Returns the position up to which the value is known. */
  int position() {
    return at;
  }

  /** Continues, and returns whether the value has ended at {@link #position}. */
  boolean scan(CharSequence text) {
    for (; at < text.length() && !isEnded; at++) {
      char c = text.charAt(at);
      if (inString) {
        if (isEscaped) {
          isEscaped = false;
        } else if (c == '\\') {
          isEscaped = true;
        } else if (c == '"') {
          inString = false;
          isEnded = depth == 0;
        }
      } else if (c == '"') {
        inString = true;
      } else if (c == '{' || c == '[') {
        depth++;
      } else if (depth > 0) {
        if (c == '}' || c == ']') {
          depth--;
          isEnded = depth == 0;
        }
      } else if (c == ',' || c == '}' || c == ']' || Character.isWhitespace(c)) {
        isEnded = true;
        return true;
      }
    }
    return isEnded;
  }
}
