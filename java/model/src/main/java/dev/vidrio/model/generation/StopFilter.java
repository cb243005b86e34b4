package dev.vidrio.model.generation;

import java.util.List;

/**
 * Passes text up to the first of several stop strings. Text that may be the beginning of one is
 * held back until that is decided.
 */
final class StopFilter {
  private final List<String> stops;
  private final StringBuilder held = new StringBuilder();
  private boolean found;

  StopFilter(List<String> stops) {
    this.stops = stops;
  }

  /** Returns whether a stop string was found; nothing passes after it. */
  boolean isFound() {
    return found;
  }

  /** Adds text and returns what passes. */
  String accept(String text) {
    if (found) {
      return "";
    }
    held.append(text);
    int stop = firstStop();
    found = stop >= 0;
    int end = found ? stop : held.length() - PartialMatch.length(held, stops);
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
    return stops.stream().mapToInt(held::indexOf).filter(i -> i >= 0).min().orElse(-1);
  }
}
