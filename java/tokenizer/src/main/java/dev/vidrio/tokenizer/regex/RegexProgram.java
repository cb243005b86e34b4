package dev.vidrio.tokenizer.regex;

import dev.vidrio.tokenizer.text.CharSet;
import java.util.ArrayList;
import java.util.List;

/** A regular expression as a graph of places, after Thompson (1968). Built from the end. */
final class RegexProgram {

  private static final int MAX_PLACES = 20_000;

  /** A place in the expression. */
  sealed interface Place {}

  /** Goes on at two places, the first with the higher priority. */
  record Fork(int first, int second) implements Place {}

  /** Goes on if the next character is in a set, without taking it. */
  record Ahead(int set, boolean orEnd, int then) implements Place {}

  /** Takes a character that is in a set. */
  record One(int set, int then) implements Place {}

  /** The expression has matched. */
  record Match() implements Place {}

  private final List<Place> places = new ArrayList<>();
  private final List<CharSet> sets = new ArrayList<>();
  private final int start;

  /**
   * Builds the graph.
   *
   * @throws IllegalArgumentException if it would be too large
   */
  RegexProgram(Regex regex) {
    start = add(regex, add(new Match()));
  }

  int start() {
    return start;
  }

  Place at(int place) {
    return places.get(place);
  }

  List<CharSet> sets() {
    return sets;
  }

  private int add(Place place) {
    if (places.size() == MAX_PLACES) {
      throw new IllegalArgumentException("is longer than " + MAX_PLACES + " places");
    }
    places.add(place);
    return places.size() - 1;
  }

  private int set(CharSet set) {
    int index = sets.indexOf(set);
    if (index < 0) {
      sets.add(set);
      return sets.size() - 1;
    }
    return index;
  }

  /** Adds an expression that goes on at a place, and returns where it begins. */
  private int add(Regex regex, int then) {
    return switch (regex) {
      case Regex.One(CharSet one) -> add(new One(set(one), then));
      case Regex.Ahead(CharSet next, boolean orEnd) -> add(new Ahead(set(next), orEnd, then));
      case Regex.Sequence(List<Regex> parts) -> {
        int first = then;
        for (Regex part : parts.reversed()) {
          first = add(part, first);
        }
        yield first;
      }
      case Regex.Choice(List<Regex> parts) -> {
        int first = add(parts.getLast(), then);
        for (Regex part : parts.subList(0, parts.size() - 1).reversed()) {
          first = add(new Fork(add(part, then), first));
        }
        yield first;
      }
      case Regex.Repeat(Regex part, int min, int max) -> {
        int first = max < 0 ? loop(part, then) : then;
        for (int i = min; i < max; i++) {
          first = add(new Fork(add(part, first), then));
        }
        for (int i = 0; i < min; i++) {
          first = add(part, first);
        }
        yield first;
      }
    };
  }

  private int loop(Regex part, int then) {
    int fork = add(new Match()); // holds the place until the loop's first is known
    places.set(fork, new Fork(add(part, fork), then));
    return fork;
  }
}
