package dev.vidrio.lens.decode.sae.explain;

import dev.vidrio.lens.decode.sae.explain.ChatModel.Choice;
import dev.vidrio.lens.decode.sae.explain.ChatModel.Token;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads the answers of chat models as delphi does; answers in other forms are malformed. */
final class AnswerReader {
  /** The mark before an explanation. */
  static final String MARK = "[EXPLANATION]:";

  private static final Pattern LIST = Pattern.compile("\\[.*?]");

  private AnswerReader() {}

  /** Returns the text after the mark on one line, or nothing if there is none. */
  static Optional<String> explanation(String answer) {
    int at = answer.indexOf(MARK);
    return at < 0
        ? Optional.empty()
        : Optional.of(answer.substring(at + MARK.length()).strip().replaceAll("\\s+", " "))
            .filter(text -> !text.isEmpty());
  }

  /**
   * Returns the elements of the first list in brackets, or nothing if it does not have exactly
   * {@code count} elements, each 0, 1, true or false.
   */
  static Optional<List<Boolean>> labels(String answer, int count) {
    Matcher list = LIST.matcher(answer);
    if (!list.find()) {
      return Optional.empty();
    }
    try {
      List<Boolean> labels = new ArrayList<>();
      for (JsonNode element : JsonMapper.shared().readTree(list.group())) {
        Optional<Boolean> label = label(element);
        if (label.isEmpty()) {
          return Optional.empty();
        }
        labels.add(label.get());
      }
      return labels.size() == count ? Optional.of(labels) : Optional.empty();
    } catch (JacksonException e) {
      return Optional.empty();
    }
  }

  /**
   * Returns the probabilities of 1 instead of 0 at the tokens of an answer with one of these
   * digits: the sums over the likeliest tokens that contain a 1, divided by those with either
   * digit. Returns nothing if there are not exactly {@code count} such tokens.
   */
  static Optional<List<Double>> probabilities(List<Token> tokens, int count) {
    List<Double> probabilities =
        tokens.stream()
            .filter(token -> token.text().contains("0") || token.text().contains("1"))
            .map(AnswerReader::probability)
            .toList();
    return probabilities.size() == count ? Optional.of(probabilities) : Optional.empty();
  }

  private static double probability(Token token) {
    double zero = 0;
    double one = 0;
    for (Choice choice : token.top()) {
      if (choice.text().contains("0")) {
        zero += Math.exp(choice.logProbability());
      } else if (choice.text().contains("1")) {
        one += Math.exp(choice.logProbability());
      }
    }
    return zero + one > 0 ? one / (zero + one) : 0;
  }

  private static Optional<Boolean> label(JsonNode element) {
    if (element.isBoolean()) {
      return Optional.of(element.booleanValue());
    }
    return element.isNumber() && (element.doubleValue() == 0 || element.doubleValue() == 1)
        ? Optional.of(element.doubleValue() == 1)
        : Optional.empty();
  }
}
