package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.dataset.PairText;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A text of a data set for causal scrubbing, with its metric and its properties. Properties that
 * every text has are {@code text}, all of its tokens, and {@code token[N]}, the token at position
 * N, negative from the end; those of data sets are {@code answer}, {@code wrong} and the further
 * fields of a line. Immutable.
 *
 * @see CausalScrubbing
 */
public final class ScrubText {
  private static final Pattern TOKEN = Pattern.compile("token\\[(-?\\d{1,7})\\]");

  private final int[] tokens;
  private final Metric metric;
  private final Map<String, String> properties;

  /**
   * Creates a text.
   *
   * @param tokens with those of an answer that the metric reads but the last
   * @param metric of the logits after the last token, or the last {@link Metric#positions} tokens
   * @param properties by name
   * @throws InvalidInputException if there are fewer tokens than the metric reads
   */
  public ScrubText(int[] tokens, Metric metric, Map<String, String> properties) {
    metric.requirePositions(tokens);
    this.tokens = tokens.clone();
    this.metric = metric;
    this.properties = Map.copyOf(properties);
  }

  /**
   * Returns the clean text of a line of a data set.
   *
   * @param where the line, for errors, such as {@code " of line 3"}
   * @throws InvalidInputException if an answer does not fit the metric
   */
  public static ScrubText of(Lens lens, PairText line, MetricSpec metric, String where) {
    MetricSpec.Bound bound = metric.bind(lens.model(), line.answers(), line.wrong(), where);
    bound.requireDifferent(where);
    int[] text = lens.model().tokenizer().encode(line.clean());
    Preconditions.requireTokens(lens.model(), text);
    Map<String, String> properties = new LinkedHashMap<>(line.properties());
    properties.put("answer", String.join("\t", line.answers()));
    properties.put("wrong", String.join("\t", line.wrong()));
    return new ScrubText(bound.text(text), bound.metric(lens, text), properties);
  }

  /** Returns the tokens. */
  public int[] tokens() {
    return tokens.clone();
  }

  /** Returns the number of tokens. */
  int length() {
    return tokens.length;
  }

  /** Returns the token at a position. */
  int token(int position) {
    return tokens[position];
  }

  /** Returns the metric. */
  public Metric metric() {
    return metric;
  }

  /**
   * Returns the value of a property.
   *
   * @throws InvalidInputException if the text does not have it
   */
  public String property(String name) {
    if (name.equals("text")) {
      return Arrays.toString(tokens);
    }
    Matcher token = TOKEN.matcher(name);
    if (token.matches()) {
      int number = Integer.parseInt(token.group(1));
      int position = number < 0 ? number + tokens.length : number;
      Preconditions.require(
          position >= 0 && position < tokens.length,
          "property",
          name,
          "a text has " + tokens.length + " tokens");
      return Integer.toString(tokens[position]);
    }
    String value = properties.get(name);
    if (value == null) {
      List<String> known = properties.keySet().stream().sorted().toList();
      throw new InvalidInputException(
          "property",
          name,
          "not found in a text of the data set; it has text, token[N], "
              + String.join(", ", known));
    }
    return value;
  }
}
