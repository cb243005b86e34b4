package dev.vidrio.model.tokenizer;

/** Turns text into tokens. Immutable, for any number of threads; what it makes is for one. */
interface TextModel {

  /** Makes an encoder that appends to a list. */
  TextEncoder encoder(IntList out);

  /** Encodes stretches of text, one after the other. */
  @FunctionalInterface
  interface TextEncoder {

    /**
     * Appends the tokens of the text from {@code start} to before {@code end}; there is at least
     * one byte.
     */
    void encode(byte[] text, int start, int end);
  }
}
