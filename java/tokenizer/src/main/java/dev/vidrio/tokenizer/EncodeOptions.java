package dev.vidrio.tokenizer;

/**
 * Options for encoding text.
 *
 * @param parseSpecial whether the name of a special token in the text, such as {@code
 *     <|endoftext|>}, becomes that token. Turn it off for untrusted text, which could otherwise
 *     forge the structure of a conversation; the name is then plain text. Tokens that the model's
 *     maker added as text are recognized either way.
 * @param addBosEos whether to add the begin and end tokens that the model expects. A text that
 *     already begins with such a token gets a second one.
 */
public record EncodeOptions(boolean parseSpecial, boolean addBosEos) {

  /** Special tokens are parsed, and beginning and end are added as the model asks. */
  public static final EncodeOptions DEFAULT = new EncodeOptions(true, true);

  /** Returns these options with another choice of {@link #parseSpecial}. */
  public EncodeOptions withParseSpecial(boolean parse) {
    return new EncodeOptions(parse, addBosEos);
  }

  /** Returns these options with another choice of {@link #addBosEos}. */
  public EncodeOptions withAddBosEos(boolean add) {
    return new EncodeOptions(parseSpecial, add);
  }
}
