package dev.vidrio.lens.page;

import dev.vidrio.model.Model;
import java.util.List;

/**
 * A text with tokens colored by value, such as attribution to the input. Colors range from 0 to the
 * maximum, and symmetrically to negative values if there are some.
 *
 * @param tokens their texts
 * @param values finite, as many as tokens
 */
public record TokenValues(String title, String note, List<String> tokens, List<Double> values)
    implements View {
  public TokenValues {
    tokens = List.copyOf(tokens);
    values = List.copyOf(values);
    if (tokens.size() != values.size()) {
      throw new IllegalArgumentException(values.size() + " values of " + tokens.size() + " tokens");
    }
  }

  /** Returns the values of the tokens of a text. */
  public static TokenValues of(
      Model model, String title, String note, List<Integer> tokens, List<Double> values) {
    return new TokenValues(title, note, TokenTexts.of(model, tokens), values);
  }
}
