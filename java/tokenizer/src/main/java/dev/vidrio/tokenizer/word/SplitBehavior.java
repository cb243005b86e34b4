package dev.vidrio.tokenizer.word;

import dev.vidrio.tokenizer.regex.RegexSearch.PieceSink;
import dev.vidrio.tokenizer.word.WordSplitter.WordSink;

/** What becomes of the pieces into which the matches of a pattern divide a text. */
public enum SplitBehavior {
  /** Each piece is a word. */
  ISOLATED("Isolated"),
  /** Each piece between matches is a word, and the matches are left out. */
  REMOVED("Removed"),
  /** Matches without text between are one word. */
  CONTIGUOUS("Contiguous"),
  /** A match ends the word before it; one that follows another is a word. */
  MERGED_WITH_PREVIOUS("MergedWithPrevious"),
  /** A match begins the word after it; one before another is a word. */
  MERGED_WITH_NEXT("MergedWithNext");

  private final String id;

  SplitBehavior(String id) {
    this.id = id;
  }

  /** Returns the name in {@code tokenizer.json}. */
  public String id() {
    return id;
  }

  private boolean joins(boolean previous, boolean match) {
    return switch (this) {
      case ISOLATED, REMOVED -> false;
      case CONTIGUOUS -> previous == match;
      case MERGED_WITH_PREVIOUS -> match && !previous;
      case MERGED_WITH_NEXT -> previous && !match;
    };
  }

  /** Makes words of pieces. */
  Joiner joiner(byte[] text, WordSink sink) {
    return new Joiner(text, sink);
  }

  /** Holds a word back until the next piece shows where it ends. */
  final class Joiner implements PieceSink {
    private final byte[] text;
    private final WordSink sink;
    private int start;
    private int end;
    private boolean match;

    private Joiner(byte[] text, WordSink sink) {
      this.text = text;
      this.sink = sink;
    }

    @Override
    public void accept(int from, int to, boolean isMatch) {
      if (start == end || !joins(match, isMatch)) {
        finish();
        start = from;
      }
      end = to;
      match = isMatch;
    }

    /** Gives the last word. */
    void finish() {
      if (start < end && !(SplitBehavior.this == REMOVED && match)) {
        sink.accept(text, start, end);
      }
      start = end;
    }
  }
}
