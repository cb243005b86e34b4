package dev.vidrio.tokenizer.word;

import dev.vidrio.tokenizer.normalization.TextStep;
import dev.vidrio.tokenizer.text.Meter;
import java.util.List;

/** Cuts text into the words within which tokens are merged. */
public interface WordSplitter {

  /**
   * Gives the words from {@code start} to before {@code end} in order, none of them empty. Text
   * before {@code start} and from {@code end} on does not count.
   *
   * @param meter counts the work
   */
  void split(byte[] text, int start, int end, Meter meter, WordSink sink);

  /** Takes words. */
  @FunctionalInterface
  interface WordSink {
    void accept(byte[] text, int start, int end);
  }

  /** Returns a splitter that changes each word and cuts nothing. */
  static WordSplitter changing(TextStep step) {
    return (text, start, end, meter, sink) -> {
      byte[] changed = step.apply(text, start, end);
      meter.add(changed.length);
      if (changed.length > 0) {
        sink.accept(changed, 0, changed.length);
      }
    };
  }

  /** Returns a splitter that cuts by each of these in turn; each sees a word as a whole text. */
  static WordSplitter inTurn(List<? extends WordSplitter> splitters) {
    if (splitters.isEmpty()) {
      return (text, start, end, meter, sink) -> sink.accept(text, start, end);
    }
    WordSplitter first = splitters.getFirst();
    if (splitters.size() == 1) {
      return first;
    }
    WordSplitter rest = inTurn(splitters.subList(1, splitters.size()));
    return (text, start, end, meter, sink) ->
        first.split(
            text, start, end, meter, (piece, from, to) -> rest.split(piece, from, to, meter, sink));
  }
}
