package dev.vidrio.tokenizer.regex;

import dev.vidrio.tokenizer.text.CharSet;
import java.util.List;

/** A regular expression, parsed. */
public sealed interface Regex {

  /** Says whether the expression may match without taking a character. */
  default boolean isNullable() {
    return switch (this) {
      case One one -> false;
      case Ahead ahead -> true;
      case Sequence(List<Regex> parts) -> parts.stream().allMatch(Regex::isNullable);
      case Choice(List<Regex> parts) -> parts.stream().anyMatch(Regex::isNullable);
      case Repeat(Regex part, int min, int max) -> min == 0 || part.isNullable();
    };
  }

  /** One code point of a set. */
  record One(CharSet set) implements Regex {}

  /** Nothing, where the next code point is of a set or, if {@code orEnd}, there is none. */
  record Ahead(CharSet set, boolean orEnd) implements Regex {}

  /** One after the other. */
  record Sequence(List<Regex> parts) implements Regex {}

  /** One of several, the first that leads to a match. */
  record Choice(List<Regex> parts) implements Regex {}

  /**
   * Again and again, as often as possible.
   *
   * @param max the highest count, −1 if there is none
   */
  record Repeat(Regex part, int min, int max) implements Regex {}
}
