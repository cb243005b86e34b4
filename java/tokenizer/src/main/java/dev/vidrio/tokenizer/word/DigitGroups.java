package dev.vidrio.tokenizer.word;

import dev.vidrio.tokenizer.regex.RegexSearch;
import dev.vidrio.tokenizer.text.CharSet;
import dev.vidrio.tokenizer.text.Utf8;
import dev.vidrio.tokenizer.text.WorkLimit;

/**
 * Splits runs of digits into groups of three, counted from the right, as in 1 234 567. The original
 * patterns look ahead over the whole run, which {@link RegexSearch} does not support.
 *
 * @param digits the digits
 * @param kind the rule
 */
record DigitGroups(CharSet digits, Kind kind) implements WordSplitter {

  private static final int GROUP = 3;

  /** The rules of the supported patterns. */
  enum Kind {
    /** Each run is split from the surrounding text and into groups. */
    RUNS,
    /** Like {@link #RUNS}, except that a run followed by a word character is not split. */
    NUMBERS,
    /** Text is split only before groups of three. */
    BEFORE_GROUPS
  }

  @Override
  public void split(byte[] text, int start, int end, WorkLimit limit, WordSink sink) {
    limit.add(end - start);
    int word = start;
    for (int pos = start; pos < end; ) {
      int count = 0;
      int after = pos;
      while (after < end && digits.containsAt(text, after, end)) {
        after += Utf8.lengthAt(text, after, end);
        count++;
      }
      if (count == 0) {
        pos += Utf8.lengthAt(text, pos, end);
      } else {
        boolean isName =
            kind == Kind.NUMBERS
                && after < end
                && CharSet.ONIGURUMA_WORD.containsAt(text, after, end);
        if (!isName) {
          word = group(text, word, pos, after, count, sink);
        }
        pos = after;
      }
    }
    if (word < end) {
      sink.accept(text, word, end);
    }
  }

  /**
   * Passes on the words that end within a run or at its end, and returns the start of the next
   * word.
   */
  private int group(byte[] text, int word, int start, int end, int count, WordSink sink) {
    int begun = word;
    int left = count;
    for (int pos = start; left > 0; pos += Utf8.lengthAt(text, pos, end)) {
      boolean first = pos == start && kind != Kind.BEFORE_GROUPS;
      if ((first || left % GROUP == 0) && begun < pos) {
        sink.accept(text, begun, pos);
        begun = pos;
      }
      left--;
    }
    if (kind != Kind.BEFORE_GROUPS) {
      sink.accept(text, begun, end);
      begun = end;
    }
    return begun;
  }
}
