package dev.vidrio.tokenizer.regex;

import dev.vidrio.tokenizer.text.CharSet;
import dev.vidrio.tokenizer.text.Utf8;
import dev.vidrio.tokenizer.text.WorkLimit;

/** Finds the matches of a regular expression in a text, and the gaps between them. */
public final class RegexSearch {

  /** The number of bytes a failing search may read before its trace is recorded. */
  private static final int LONG_FAILURE = 32;

  private final Automaton pattern;

  /**
   * Compiles an expression.
   *
   * @throws IllegalArgumentException if it is malformed, not supported or too large, or matches the
   *     empty string
   */
  public RegexSearch(String pattern) {
    this(RegexParser.parse(pattern));
  }

  /**
   * Compiles a parsed expression.
   *
   * @throws IllegalArgumentException if it is too large or matches the empty string
   */
  public RegexSearch(Regex regex) {
    if (regex.isNullable()) {
      throw new IllegalArgumentException("matches the empty string");
    }
    pattern = new Automaton(regex);
  }

  /**
   * Compiles a literal text.
   *
   * @throws IllegalArgumentException if it is empty or too long
   */
  public static RegexSearch literal(String text) {
    return new RegexSearch(
        new Regex.Sequence(
            text.codePoints().<Regex>mapToObj(c -> new Regex.OneOf(CharSet.range(c, c))).toList()));
  }

  /** Receives matches and gaps; none is empty. */
  @FunctionalInterface
  public interface PieceSink {
    /** Accepts the bytes from {@code start} to before {@code end}. */
    void accept(int start, int end, boolean match);
  }

  /** Passes on all matches and gaps, in order and without omissions. */
  public void find(byte[] text, int start, int end, WorkLimit limit, PieceSink sink) {
    int word = start;
    Automaton.Failure failure = Automaton.Failure.NONE;
    for (int pos = start; pos < end; ) {
      long before = limit.steps();
      int match = pattern.endOfMatch(text, pos, end, failure, limit);
      int matched = Math.max(match, pos);
      if (limit.steps() - before > matched - pos + LONG_FAILURE) {
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
