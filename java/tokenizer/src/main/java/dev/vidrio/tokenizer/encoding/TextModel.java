package dev.vidrio.tokenizer.encoding;

import dev.vidrio.tokenizer.normalization.TextTransform;

/** Encodes text into tokens. Immutable and thread-safe; its encoders are not. */
public interface TextModel {

  /** Returns the transform that is applied before normalized literal tokens are searched. */
  TextTransform normalizer();

  /** Returns an encoder that appends to a list. */
  TextEncoder encoder(IntList out);

  /** Encodes segments of normalized text, in order. */
  @FunctionalInterface
  interface TextEncoder {

    /**
     * Appends the tokens of the nonempty text from {@code start} to before {@code end}.
     *
     * @param first true if no token precedes the segment
     */
    void encode(byte[] text, int start, int end, boolean first);
  }
}
