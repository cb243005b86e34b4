package dev.vidrio.tokenizer.word;

import dev.vidrio.tokenizer.normalization.TextTransform;
import dev.vidrio.tokenizer.regex.RegexSearch;
import dev.vidrio.tokenizer.text.WorkLimit;
import java.util.List;

/** Splits text into words; tokens never span words. */
public interface WordSplitter {

  /**
   * Passes on the nonempty words from {@code start} to before {@code end}, in order. Bytes outside
   * the range have no influence.
   *
   * @param limit counts the work
   */
  void split(byte[] text, int start, int end, WorkLimit limit, WordSink sink);

  /** Receives words. */
  @FunctionalInterface
  interface WordSink {
    /** Accepts the word from {@code start} to before {@code end}. */
    void accept(byte[] text, int start, int end);
  }

  /** Returns a splitter before and after each match of a regular expression. */
  static WordSplitter around(RegexSearch pattern) {
    return (text, start, end, limit, sink) ->
        pattern.find(text, start, end, limit, (from, to, match) -> sink.accept(text, from, to));
  }

  /** Returns a splitter that transforms the text and does not split it. */
  static WordSplitter transforming(TextTransform step) {
    return (text, start, end, limit, sink) -> {
      byte[] changed = step.apply(text, start, end);
      limit.add(changed.length);
      if (changed.length > 0) {
        sink.accept(changed, 0, changed.length);
      }
    };
  }

  /**
   * Returns the composition of splitters: each splits the words of the previous one, and treats a
   * word as a whole text.
   */
  static WordSplitter sequence(List<WordSplitter> splitters) {
    return splitters.stream()
        .reduce(WordSplitter::then)
        .orElse((text, start, end, limit, sink) -> sink.accept(text, start, end));
  }

  private WordSplitter then(WordSplitter next) {
    return (text, start, end, limit, sink) ->
        split(
            text, start, end, limit, (piece, from, to) -> next.split(piece, from, to, limit, sink));
  }
}
