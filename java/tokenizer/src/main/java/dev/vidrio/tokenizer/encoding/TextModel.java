package dev.vidrio.tokenizer.encoding;

import dev.vidrio.tokenizer.normalization.TextStep;

/** Turns text into tokens. Immutable, for any number of threads; what it makes is for one. */
public interface TextModel {

  /** Returns what is done to text before those literal tokens are found that ask for it. */
  TextStep normalizer();

  /** Makes an encoder that appends to a list. */
  TextEncoder encoder(IntList out);

  /** Encodes stretches of normalized text, one after the other. */
  @FunctionalInterface
  interface TextEncoder {

    /**
     * Appends the tokens of the text from {@code start} to before {@code end}; there is at least
     * one byte.
     *
     * @param first whether no token stands before it
     */
    void encode(byte[] text, int start, int end, boolean first);
  }
}
