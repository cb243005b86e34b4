package dev.vidrio.model.tokenizer;

/** What kind of token it is. The order is that of the GGUF format, which counts from 1. */
public enum TokenType {
  /** A piece of text. */
  NORMAL,
  /** Stands for what the vocabulary cannot express. */
  UNKNOWN,
  /** Marks structure, such as the beginning of a text or the end of a turn. */
  CONTROL,
  /** A piece of text that is always one token, whatever surrounds it. */
  USER_DEFINED,
  /** Fills a gap in the numbering and stands for nothing. */
  UNUSED,
  /** A single byte, spelled {@code <0x0A>}. */
  BYTE;

  /** Says whether the token is no text. */
  boolean isSpecial() {
    return this == CONTROL || this == UNKNOWN;
  }

  /** Says whether the token's spelling is its text, found in a text before anything else. */
  boolean isLiteral() {
    return isSpecial() || this == USER_DEFINED;
  }
}
