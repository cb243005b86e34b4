package dev.vidrio.tokenizer.word;

import dev.vidrio.tokenizer.regex.RegexSearch;
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

  /**
   * Returns a splitter at the matches of a pattern.
   *
   * @param invert if true, the gaps count as matches and the matches as gaps
   */
  public WordSplitter splitter(RegexSearch pattern, boolean invert) {
    return (text, start, end, limit, sink) -> {
      Joiner words = new Joiner(text, sink);
      pattern.find(
          text, start, end, limit, (from, to, match) -> words.accept(from, to, match != invert));
      words.finish();
    };
  }

  /** Holds a word back until the next piece determines its end. */
  private final class Joiner {
    private final byte[] text;
    private final WordSink sink;
    private int start;
    private int end;
    private boolean match;

    private Joiner(byte[] text, WordSink sink) {
      this.text = text;
      this.sink = sink;
    }

    private void accept(int from, int to, boolean isMatch) {
      if (start == end || !joins(match, isMatch)) {
        finish();
        start = from;
      }
      end = to;
      match = isMatch;
    }

    /** Passes on the last word. */
    private void finish() {
      if (start < end && !(SplitBehavior.this == REMOVED && match)) {
        sink.accept(text, start, end);
      }
      start = end;
    }
  }
}
