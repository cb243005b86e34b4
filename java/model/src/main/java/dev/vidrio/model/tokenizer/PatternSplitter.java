package dev.vidrio.model.tokenizer;

/** Cuts text before and after each match of a regular expression. */
final class PatternSplitter implements WordSplitter {

  /** How many bytes a search may fail after before its way is remembered. */
  private static final int LONG_FAILURE = 32;

  private final Automaton pattern;

  /**
   * Compiles the expression.
   *
   * @throws IllegalArgumentException if it is malformed, unsupported or too large
   */
  PatternSplitter(String pattern) {
    this.pattern = new Automaton(pattern);
  }

  @Override
  public void split(byte[] text, int start, int end, Meter meter, WordSink sink) {
    int word = start;
    Automaton.Failure failure = Automaton.Failure.NONE;
    for (int pos = start; pos < end; ) {
      long before = meter.steps();
      int match = pattern.endOfMatch(text, pos, end, failure, meter);
      if (match > pos) {
        if (word < pos) {
          sink.accept(text, word, pos);
        }
        sink.accept(text, pos, match);
        pos = match;
        word = match;
      } else {
        if (match < 0 && meter.steps() - before > LONG_FAILURE) {
          failure = pattern.failure(text, pos, end);
        }
        pos += Utf8.lengthAt(text, pos, end);
      }
    }
    if (word < end) {
      sink.accept(text, word, end);
    }
  }
}
