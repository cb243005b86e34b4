package dev.vidrio.tokenizer.bpe;

import dev.vidrio.tokenizer.encoding.WordModel;

/**
 * BPE over the symbols of words.
 *
 * @param merges the initial symbols and their merges
 * @param whole finds the words that become a token without merging
 */
public record Bpe(MergeRules merges, WholeWords whole) implements WordModel {

  /** Finds the token that a word becomes without merging. */
  @FunctionalInterface
  public interface WholeWords {
    /** No words: all are merged. */
    WholeWords NONE = (text, start, end) -> MergeRules.NONE;

    /** Returns the token of the word from {@code start} to before {@code end}, or −1. */
    int get(byte[] text, int start, int end);
  }

  @Override
  public WordEncoder encoder() {
    WordMerger merger = new WordMerger(merges);
    return (text, start, end, out) -> {
      int token = whole.get(text, start, end);
      if (token >= 0) {
        out.add(token);
      } else {
        merger.merge(text, start, end, out);
      }
    };
  }
}
