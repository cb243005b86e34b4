package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.Escapes;
import dev.vidrio.model.InvalidInputException;
import dev.vidrio.model.Model;

/** Tokens as people write and read them. */
public final class TokenText {
  private TokenText() {}

  /** A token's text in quotes, on one line. */
  public static String of(Model model, int token) {
    return Escapes.quote(model.tokenizer().piece(token));
  }

  /** The same in a column of a table: cut and filled up to a width. */
  public static String column(Model model, int token, int width) {
    String text = of(model, token);
    String cut = text.length() <= width ? text : text.substring(0, width - 1) + "…";
    return cut + " ".repeat(width - cut.length());
  }

  /**
   * The token that a user means: text of exactly one token, or {@code #} and its number.
   *
   * @param option what asks for it
   */
  public static int parse(Model model, String option, String text) {
    if (text.matches("#\\d{1,9}")) {
      int id = Integer.parseInt(text.substring(1));
      int vocabulary = model.architecture().vocabulary();
      if (id >= vocabulary) {
        throw new InvalidInputException(option, text, "must be #0 to #" + (vocabulary - 1));
      }
      return id;
    }
    try {
      return model.tokenizer().token(text);
    } catch (InvalidInputException e) {
      throw new InvalidInputException(option, text, e.limit() + "; '#N' names one by number");
    }
  }
}
