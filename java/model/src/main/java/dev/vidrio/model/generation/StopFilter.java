package dev.vidrio.model.generation;

import java.util.List;

/**
 * Passes text up to the first of several stop strings. Text that may be the beginning of one is
 * held back until that is decided. Takes time proportional to the text for each stop string (Knuth,
 * Morris and Pratt, 1977).
 */
final class StopFilter {

  /** A stop string, and the length of its beginning with which the text ends. */
  private static final class Stop {
    private final String string;

    /** For each beginning: the length of the longest shorter beginning with which it ends. */
    private final int[] shorter;

    private int matched;

    private Stop(String string) {
      this.string = string;
      this.shorter = new int[string.length() + 1];
      for (int i = 1, length = 0; i < string.length(); i++) {
        length = next(length, string.charAt(i));
        shorter[i + 1] = length;
      }
    }

    private int next(int length, char c) {
      int beginning = length;
      while (beginning > 0 && string.charAt(beginning) != c) {
        beginning = shorter[beginning];
      }
      return string.charAt(beginning) == c ? beginning + 1 : beginning;
    }

    /** Reads text up to the end of the stop string, and returns the index after it, or -1. */
    private int find(String text) {
      for (int i = 0; i < text.length(); i++) {
        matched = next(matched, text.charAt(i));
        if (matched == string.length()) {
          return i + 1;
        }
      }
      return -1;
    }
  }

  private final List<Stop> stops;
  private final StringBuilder held = new StringBuilder();
  private boolean found;

  /** Creates a filter of nonempty stop strings. */
  StopFilter(List<String> stops) {
    this.stops = stops.stream().map(Stop::new).toList();
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
    int before = held.length();
    held.append(text);
    int partial = 0;
    int first = held.length();
    for (Stop stop : stops) {
      int end = stop.find(text);
      if (end >= 0) {
        first = Math.min(first, before + end - stop.string.length());
        found = true;
      }
      partial = Math.max(partial, stop.matched);
    }
    if (!found && partial == held.length()) {
      return "";
    }
    String free = held.substring(0, found ? first : held.length() - partial);
    held.delete(0, found ? held.length() : free.length());
    return free;
  }

  /** Ends the text and returns what was held back. */
  String finish() {
    String rest = held.toString();
    held.setLength(0);
    return rest;
  }
}
