package dev.vidrio.model;

import java.util.List;

/**
 * Lets text through up to the first of some stop texts. Text that may turn out to be the beginning
 * of one is held back until that is decided.
 */
final class StopText {
  private final List<String> stops;
  private final StringBuilder held = new StringBuilder();
  private boolean found;

  StopText(List<String> stops) {
    this.stops = stops;
  }

  /** Whether a stop text has come; nothing is let through after it. */
  boolean isFound() {
    return found;
  }

  /** Takes more text and returns what can be let through. */
  String accept(String text) {
    if (found) {
      return "";
    }
    held.append(text);
    int stop = firstStop();
    found = stop >= 0;
    int end = found ? stop : held.length() - heldBack(held, stops);
    String free = held.substring(0, end);
    held.delete(0, found ? held.length() : end);
    return free;
  }

  /** Ends the text and returns what was held back. */
  String finish() {
    String rest = held.toString();
    held.setLength(0);
    return rest;
  }

  private int firstStop() {
    int first = -1;
    for (String stop : stops) {
      int i = held.indexOf(stop);
      if (i >= 0 && (first < 0 || i < first)) {
        first = i;
      }
    }
    return first;
  }

  /** Length of the longest end of a text that one of some others begins with. */
  static int heldBack(StringBuilder text, List<String> others) {
    int longest = 0;
    for (String other : others) {
      for (int n = Math.min(other.length() - 1, text.length()); n > longest; n--) {
        if (text.substring(text.length() - n).equals(other.substring(0, n))) {
          longest = n;
        }
      }
    }
    return longest;
  }
}
