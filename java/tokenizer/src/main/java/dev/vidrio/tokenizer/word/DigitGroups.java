package dev.vidrio.tokenizer.word;

import dev.vidrio.tokenizer.regex.RegexSearch;
import dev.vidrio.tokenizer.text.CharSet;
import dev.vidrio.tokenizer.text.Meter;
import dev.vidrio.tokenizer.text.Utf8;

/**
 * Cuts runs of digits into groups of three, counted from the right, as in 1 234 567. The
 * expressions for it look ahead over the whole run, which a {@link RegexSearch} cannot.
 *
 * @param digits what a run is made of
 * @param kind of the run, and of its first group
 */
record DigitGroups(CharSet digits, Kind kind) implements WordSplitter {

  private static final int GROUP = 3;

  /** Which runs are cut, and where. */
  enum Kind {
    /** Each run is cut from the text and into groups. */
    RUNS,
    /** The same, but a run that a letter or the like follows is no number. */
    NUMBERS,
    /** Text is cut before groups of three alone. */
    BEFORE_GROUPS
  }

  @Override
  public void split(byte[] text, int start, int end, Meter meter, WordSink sink) {
    meter.add(end - start);
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
        if (!isName(text, after, end)) {
          word = group(text, word, pos, after, count, sink);
        }
        pos = after;
      }
    }
    if (word < end) {
      sink.accept(text, word, end);
    }
  }

  private boolean isName(byte[] text, int after, int end) {
    return kind == Kind.NUMBERS
        && after < end
        && CharSet.ONIGURUMA_WORD.containsAt(text, after, end);
  }

  /** Gives what ends within a run or at it, and returns where the next word begins. */
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
