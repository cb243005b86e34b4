package dev.vidrio.tokenizer;

/**
 * Options for encoding text.
 *
 * <p>Use {@link #DEFAULT} for a prompt template that the program controls. Encode text of users,
 * tools and documents with {@link #parseSpecial} off: otherwise {@code <|im_end|>} in such a text
 * becomes a control token and can forge the structure of a conversation (prompt injection).
 *
 * @param parseSpecial if true, the spelling of a special token in the text, such as {@code
 *     <|endoftext|>}, becomes that token; if false, it is plain text. User-defined tokens (added
 *     tokens that are not special) are recognized either way
 * @param addBosEos if true, adds the BOS and EOS tokens that the model expects. A text that already
 *     begins with such a token gets a second one
 * @see "docs/formats.md"
 */
public record EncodeOptions(boolean parseSpecial, boolean addBosEos) {

  /** Parses special tokens and adds BOS and EOS as the model expects. */
  public static final EncodeOptions DEFAULT = new EncodeOptions(true, true);

  /** Returns these options with {@link #addBosEos} replaced. */
  public EncodeOptions withAddBosEos(boolean add) {
    return new EncodeOptions(parseSpecial, add);
  }
}
