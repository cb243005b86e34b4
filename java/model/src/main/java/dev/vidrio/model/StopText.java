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
    int end = found ? stop : held.length() - heldBack();
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

  /** Length of the longest end of the text that a stop text begins with. */
  private int heldBack() {
    String text = held.toString();
    int longest = 0;
    for (String stop : stops) {
      for (int n = Math.min(stop.length() - 1, text.length()); n > longest; n--) {
        if (text.endsWith(stop.substring(0, n))) {
          longest = n;
        }
      }
    }
    return longest;
  }
}
