package dev.vidrio.tokenizer.word;

import dev.vidrio.tokenizer.regex.RegexSearch.PieceSink;
import dev.vidrio.tokenizer.word.WordSplitter.WordSink;

/** The treatment of the matches of a split pattern, as in Hugging Face tokenizers. */
public enum SplitBehavior {
  /** Each piece is a word. */
  ISOLATED("Isolated"),
  /** Gaps are words, and matches are removed. */
  REMOVED("Removed"),
  /** Adjacent matches form one word. */
  CONTIGUOUS("Contiguous"),
  /** A match ends the word before it; a match after a match is a word. */
  MERGED_WITH_PREVIOUS("MergedWithPrevious"),
  /** A match begins the word after it; a match before a match is a word. */
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

  /** Returns a sink that joins pieces into words. */
  Joiner joiner(byte[] text, WordSink sink) {
    return new Joiner(text, sink);
  }

  /** Holds a word back until the next piece determines its end. */
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

    /** Passes on the last word. */
    void finish() {
      if (start < end && !(SplitBehavior.this == REMOVED && match)) {
        sink.accept(text, start, end);
      }
      start = end;
    }
  }
}
