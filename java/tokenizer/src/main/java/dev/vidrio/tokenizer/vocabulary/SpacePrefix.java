package dev.vidrio.tokenizer.vocabulary;

/**
 * When SentencePiece BPE prepends a space to a segment of text, so that the first word encodes as
 * within a sentence. A segment is the text between literal tokens.
 */
public enum SpacePrefix {
  /** Never. */
  NEVER,
  /**
   * Before each segment: SentencePiece's {@code add_dummy_prefix}, GGUF's {@code add_space_prefix}.
   */
  EACH,
  /**
   * Before each segment that does not begin with a space: the {@code always} scheme of Metaspace.
   */
  MISSING,
  /**
   * Before a segment at the beginning of the text that does not begin with a space: the {@code
   * first} scheme of Metaspace.
   */
  FIRST_MISSING;

  /**
   * The GGUF key of the scheme, which overrides {@code add_space_prefix}; Vidrio's own, since GGUF
   * has none. The value is the name of a constant.
   */
  public static final String KEY = "vidrio.tokenizer.space_prefix";

  /** Returns whether a segment gets a space. */
  public boolean applies(boolean first, boolean beginsWithSpace) {
    return switch (this) {
      case NEVER -> false;
      case EACH -> true;
      case MISSING -> !beginsWithSpace;
      case FIRST_MISSING -> first && !beginsWithSpace;
    };
  }
}
