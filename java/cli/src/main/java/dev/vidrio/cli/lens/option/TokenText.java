package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.Escapes;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.model.Model;
import java.util.List;
import org.jline.utils.WCWidth;

/** Formats and parses tokens. */
public final class TokenText {
  private TokenText() {}

  /** Returns a token's text in quotes, on one line. */
  public static String of(Model model, int token) {
    return Escapes.quote(model.tokenizer().piece(token));
  }

  /** Returns a JSON object of a token's id and text. */
  public static JsonObject toJson(Model model, int token) {
    return new JsonObject().with("id", token).with("piece", model.tokenizer().piece(token));
  }

  /** Returns a token's quoted text, truncated or padded to a number of columns. */
  public static String column(Model model, int token, int width) {
    return column(of(model, token), width);
  }

  /**
   * Returns the quoted texts of the first tokens that fit a number of columns, at least of one,
   * padded.
   */
  public static String column(Model model, List<Integer> tokens, int width) {
    String line = of(model, tokens.getFirst());
    for (int token : tokens.subList(1, tokens.size())) {
      String longer = line + " " + of(model, token);
      if (columns(longer) > width) {
        break;
      }
      line = longer;
    }
    return column(line, width);
  }

  /** Returns a text in quotes, on one line, truncated or padded to a number of columns. */
  public static String quoted(String text, int width) {
    return column(Escapes.quote(text), width);
  }

  /** Truncates or pads a text; wide characters take two columns, combining marks none. */
  static String column(String text, int width) {
    int all = columns(text);
    if (all <= width) {
      return text + " ".repeat(width - all);
    }
    int end = 0;
    int used = 0;
    while (used + columns(text.codePointAt(end)) < width) {
      used += columns(text.codePointAt(end));
      end = text.offsetByCodePoints(end, 1);
    }
    return text.substring(0, end) + "…" + " ".repeat(width - 1 - used);
  }

  private static int columns(String text) {
    return text.codePoints().map(TokenText::columns).sum();
  }

  private static int columns(int character) {
    return Math.max(0, WCWidth.wcwidth(character));
  }

  /**
   * Parses a token: text of exactly one token, or {@code #} and its id.
   *
   * @param option the name of the option, for errors
   */
  public static int parse(Model model, String option, String text) {
    return MetricSpec.token(model, option, text);
  }
}
