package dev.vidrio.tokenizer.regex;

import dev.vidrio.tokenizer.text.CharSet;
import java.util.List;

/** The syntax tree of a regular expression. */
public sealed interface Regex {

  /** Returns whether the expression matches the empty string. */
  default boolean isNullable() {
    return switch (this) {
      case OneOf one -> false;
      case Lookahead ahead -> true;
      case Sequence(List<Regex> parts) -> parts.stream().allMatch(Regex::isNullable);
      case Choice(List<Regex> parts) -> parts.stream().anyMatch(Regex::isNullable);
      case Repeat(Regex part, int min, int max) -> min == 0 || part.isNullable();
    };
  }

  /** A code point of a set. */
  record OneOf(CharSet set) implements Regex {}

  /**
   * A lookahead: matches the empty string if the next code point is in a set or, if {@code orEnd},
   * at the end of the text.
   */
  record Lookahead(CharSet set, boolean orEnd) implements Regex {}

  /** A concatenation. */
  record Sequence(List<Regex> parts) implements Regex {}

  /** An alternation; the first alternative that leads to a match wins. */
  record Choice(List<Regex> parts) implements Regex {}

  /**
   * A greedy repetition.
   *
   * @param max the maximum count, −1 if unbounded
   */
  record Repeat(Regex part, int min, int max) implements Regex {}
}
