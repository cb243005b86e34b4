package dev.vidrio.tokenizer.encoding;

/** Turns words into tokens. Immutable, for any number of threads; what it makes is for one. */
public interface WordModel {

  /** Makes an encoder. */
  WordEncoder encoder();

  /** Encodes words. */
  @FunctionalInterface
  interface WordEncoder {

    /** Appends the tokens of the word from {@code start} to before {@code end}. */
    void encode(byte[] text, int start, int end, IntList out);
  }
}
