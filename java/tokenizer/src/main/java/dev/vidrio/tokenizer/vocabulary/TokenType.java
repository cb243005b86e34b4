package dev.vidrio.tokenizer.vocabulary;

/** The type of a token, as in GGUF's {@code tokenizer.ggml.token_type}. */
public enum TokenType {
  /** A piece of text. */
  NORMAL(1),
  /** Represents text that the vocabulary cannot express. */
  UNKNOWN(2),
  /** Marks structure, such as the beginning of a sequence or the end of a turn. */
  CONTROL(3),
  /** A piece of text that is always one token, regardless of context. */
  USER_DEFINED(4),
  /** An id without a token. */
  UNUSED(5),
  /** A single byte, spelled {@code <0x0A>}. */
  BYTE(6);

  private final int number;

  TokenType(int number) {
    this.number = number;
  }

  /** Returns the number of this type in the file. */
  public int number() {
    return number;
  }

  /** Returns whether the token is not text. */
  public boolean isSpecial() {
    return this == CONTROL || this == UNKNOWN;
  }

  /** Returns whether the token may result from encoding text. */
  public boolean isText() {
    return this == NORMAL || this == USER_DEFINED;
  }

  /** Returns whether the token is recognized by its spelling in a text before the model runs. */
  public boolean isLiteral() {
    return isSpecial() || this == USER_DEFINED;
  }
}
