package dev.vidrio.tokenizer.encoding;

/** Encodes words into tokens. Immutable and thread-safe; its encoders are not. */
public interface WordModel {

  /** Returns a new encoder. */
  WordEncoder encoder();

  /** Encodes words. */
  @FunctionalInterface
  interface WordEncoder {

    /** Appends the tokens of the word from {@code start} to before {@code end}. */
    void encode(byte[] text, int start, int end, IntList out);
  }
}
