package dev.vidrio.template.call;

/** Finds the end of an argument of a Python call in a text that grows. Brackets are counted. */
final class PythonScanner {
  private int at;
  private int nested;
  private char quote;
  private boolean isEscaped;

  /** Creates a scanner of the argument that begins at a position. */
  PythonScanner(int from) {
    this.at = from;
  }

  /** Continues, and returns the position of the comma or parenthesis after the argument, or -1. */
  int end(CharSequence text) {
    for (; at < text.length(); at++) {
      char c = text.charAt(at);
      if (isEscaped) {
        isEscaped = false;
      } else if (quote != 0) {
        isEscaped = c == '\\';
        quote = c == quote ? 0 : quote;
      } else if (nested == 0 && (c == ',' || c == ')')) {
        return at;
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if ("([{".indexOf(c) >= 0) {
        nested++;
      } else if (")]}".indexOf(c) >= 0) {
        nested--;
      }
    }
    return -1;
  }
}
