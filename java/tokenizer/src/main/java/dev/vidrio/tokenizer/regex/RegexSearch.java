package dev.vidrio.tokenizer.regex;

import dev.vidrio.tokenizer.text.Meter;
import dev.vidrio.tokenizer.text.Utf8;

/** Finds the matches of a regular expression in a text, and what lies between. */
public final class RegexSearch {

  /** How many bytes a search may go on in vain before its way is remembered. */
  private static final int LONG_FAILURE = 32;

  private final Automaton pattern;

  /**
   * Compiles the expression.
   *
   * @throws IllegalArgumentException if it is malformed, unsupported or too large, or may match
   *     nothing
   */
  public RegexSearch(String pattern) {
    this(RegexParser.parse(pattern));
  }

  /**
   * Compiles an expression.
   *
   * @throws IllegalArgumentException if it is too large or may match nothing
   */
  public RegexSearch(Regex regex) {
    if (regex.isNullable()) {
      throw new IllegalArgumentException("may match nothing");
    }
    pattern = new Automaton(regex);
  }

  /**
   * Finds a text.
   *
   * @throws IllegalArgumentException if it is empty or too long
   */
  public static RegexSearch literal(String text) {
    return new RegexSearch(RegexParser.literal(text));
  }

  /** Takes a match, or what lies between two; it is not empty. */
  @FunctionalInterface
  public interface PieceSink {
    void accept(int start, int end, boolean match);
  }

  /** Gives all matches and what lies between, in order and without gaps. */
  public void find(byte[] text, int start, int end, Meter meter, PieceSink sink) {
    int word = start;
    Automaton.Failure failure = Automaton.Failure.NONE;
    for (int pos = start; pos < end; ) {
      long before = meter.steps();
      int match = pattern.endOfMatch(text, pos, end, failure, meter);
      int matched = Math.max(match, pos);
      if (meter.steps() - before > matched - pos + LONG_FAILURE) {
        int from = match < 0 ? pos : match + Utf8.lengthAt(text, match, end);
        failure = pattern.failure(text, pos, from, end);
      }
      if (match > pos) {
        if (word < pos) {
          sink.accept(word, pos, false);
        }
        sink.accept(pos, match, true);
        pos = match;
        word = match;
      } else {
        pos += Utf8.lengthAt(text, pos, end);
      }
    }
    if (word < end) {
      sink.accept(word, end, false);
    }
  }
}
