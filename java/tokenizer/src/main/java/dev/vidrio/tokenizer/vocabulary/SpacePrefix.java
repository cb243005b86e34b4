package dev.vidrio.tokenizer.vocabulary;

/**
 * Where SentencePiece BPE prepends a space to a stretch of text, so that a first word is the same
 * token as within a sentence. A stretch is what lies between literal tokens.
 */
public enum SpacePrefix {
  /** Before none. */
  NEVER,
  /** Before each; SentencePiece's {@code add_dummy_prefix}, and GGUF's {@code add_space_prefix}. */
  EACH,
  /** Before each that does not begin with a space; Metaspace's {@code always}. */
  MISSING,
  /** Before that at the beginning of a text unless it begins with a space; Metaspace's first. */
  FIRST_MISSING;

  /**
   * Vidrio's own key for what GGUF cannot say: the name of one of these, which counts instead of
   * {@code add_space_prefix}.
   */
  public static final String KEY = "vidrio.tokenizer.space_prefix";

  /** Says whether a stretch gets a space. */
  public boolean isDue(boolean first, boolean beginsWithSpace) {
    return switch (this) {
      case NEVER -> false;
      case EACH -> true;
      case MISSING -> !beginsWithSpace;
      case FIRST_MISSING -> first && !beginsWithSpace;
    };
  }
}
