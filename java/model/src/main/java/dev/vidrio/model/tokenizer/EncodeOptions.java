package dev.vidrio.model.tokenizer;

/**
 * How text becomes tokens.
 *
 * @param parseSpecial whether the name of a special token in the text, such as {@code
 *     <|endoftext|>}, becomes that token. Turn it off for text from strangers, who could otherwise
 *     forge the structure of a conversation; the name is then text like any other. Tokens that the
 *     model's maker added as text are found either way.
 * @param addBosEos whether the tokens that begin and end a text are added where the model asks for
 *     them; off, they never are. A text that already begins with such a token gets a second one.
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
