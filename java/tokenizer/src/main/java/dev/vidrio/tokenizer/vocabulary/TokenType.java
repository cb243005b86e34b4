package dev.vidrio.tokenizer.vocabulary;

/** What kind of token it is. */
public enum TokenType {
  /** A piece of text. */
  NORMAL(1),
  /** Stands for what the vocabulary cannot express. */
  UNKNOWN(2),
  /** Marks structure, such as the beginning of a text or the end of a turn. */
  CONTROL(3),
  /** A piece of text that is always one token, whatever surrounds it. */
  USER_DEFINED(4),
  /** Fills a gap in the numbering and stands for nothing. */
  UNUSED(5),
  /** A single byte, spelled {@code <0x0A>}. */
  BYTE(6);

  private final int number;

  TokenType(int number) {
    this.number = number;
  }

  /** Returns the number of this type in GGUF's {@code tokenizer.ggml.token_type}. */
  public int number() {
    return number;
  }

  /** Says whether the token is no text. */
  public boolean isSpecial() {
    return this == CONTROL || this == UNKNOWN;
  }

  /** Says whether merging may make the token. */
  public boolean isText() {
    return this == NORMAL || this == USER_DEFINED;
  }

  /** Says whether the token's spelling is its text, found in a text before anything else. */
  public boolean isLiteral() {
    return isSpecial() || this == USER_DEFINED;
  }
}
