package dev.vidrio.model.tokenizer;

import java.util.List;

/** Cuts text into the words within which tokens are merged. */
interface WordSplitter {

  /**
   * Gives all words from {@code start} to before {@code end}, in order and without gaps. Text
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

  /** Returns a splitter that cuts by each of these in turn; each sees a word as a whole text. */
  static WordSplitter inTurn(List<? extends WordSplitter> splitters) {
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
