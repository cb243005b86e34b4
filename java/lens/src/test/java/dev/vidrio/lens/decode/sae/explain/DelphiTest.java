package dev.vidrio.lens.decode.sae.explain;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.vidrio.lens.decode.sae.index.FeatureExample;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Marks, answers and measures against delphi's functions, which wrote delphi.json. */
class DelphiTest {
  private final JsonNode expected = read();

  private static JsonNode read() {
    try (InputStream in =
        Objects.requireNonNull(DelphiTest.class.getResourceAsStream("delphi.json"))) {
      return JsonMapper.shared().readTree(in);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static <T> List<T> list(JsonNode array, Function<JsonNode, T> element) {
    return array.valueStream().map(element).toList();
  }

  private static FeatureExample example(JsonNode json) {
    return new FeatureExample(
        0,
        0,
        0,
        list(json.get("tokens"), JsonNode::stringValue),
        list(json.get("activations"), JsonNode::floatValue));
  }

  @Test
  void marksTokens() {
    List<FeatureExample> examples = new ArrayList<>();
    for (JsonNode json : expected.get("examples")) {
      FeatureExample example = example(json);
      examples.add(example);
      assertEquals(json.get("explained").stringValue(), MarkedText.of(example));
      assertEquals(json.get("tested").stringValue(), MarkedText.of(example));
      assertEquals(
          list(json.get("strengths"), JsonNode::intValue),
          example.activations().stream().map(a -> FeaturePrompts.strength(a, 12)).toList());
    }
    assertEquals(expected.get("marks").intValue(), FeatureExplainer.marks(examples));
  }

  @Test
  void readsAnswers() {
    for (JsonNode json : expected.get("answers")) {
      Optional<List<Boolean>> labels =
          json.get("labels").isNull()
              ? Optional.empty()
              : Optional.of(list(json.get("labels"), JsonNode::booleanValue));
      String text = json.get("text").stringValue();
      assertEquals(labels, AnswerReader.labels(text, 3), text);
    }
    for (JsonNode json : expected.get("explanations")) {
      String text = json.get("text").stringValue();
      assertEquals(
          Optional.of(json.get("explanation").stringValue()), AnswerReader.explanation(text));
    }
    assertEquals(Optional.empty(), AnswerReader.explanation("names of rivers"));
    assertEquals(Optional.empty(), AnswerReader.explanation("[EXPLANATION]: \n"));
    assertEquals(Optional.empty(), AnswerReader.labels("[1, 2, 0]", 3));
    assertEquals(Optional.empty(), AnswerReader.labels("[1, \"0\", 0]", 3));
  }

  private static ChatModel.Token token(JsonNode json) {
    return new ChatModel.Token(
        json.get("token").stringValue(),
        list(
            json.get("top"),
            top ->
                new ChatModel.Choice(
                    top.get("token").stringValue(), top.get("logprob").doubleValue())));
  }

  @Test
  void readsProbabilities() {
    for (JsonNode json : expected.get("probabilities")) {
      List<Double> found =
          AnswerReader.probabilities(list(json.get("tokens"), DelphiTest::token), 3)
              .orElse(List.of());
      JsonNode values = json.get("probabilities");
      assertEquals(values.isNull() ? 0 : 3, found.size());
      for (int i = 0; i < found.size(); i++) {
        assertEquals(values.get(i).doubleValue(), found.get(i), 1e-12);
      }
    }
  }

  @Test
  void measuresAreas() {
    for (JsonNode json : expected.get("areas")) {
      Double area =
          FeatureExplainer.area(
              list(json.get("yes"), JsonNode::doubleValue),
              list(json.get("no"), JsonNode::doubleValue));
      assertEquals(json.get("area").doubleValue(), Objects.requireNonNull(area), 1e-12);
    }
    assertNull(FeatureExplainer.area(List.of(0.5), List.of()));
    assertNull(FeatureExplainer.area(List.of(), List.of(0.5)));
  }

  @Test
  void measuresClassifications() {
    for (JsonNode json : expected.get("scores")) {
      ClassificationScore score = ClassificationScore.NONE;
      for (int i = 0; i < json.get("truth").size(); i++) {
        JsonNode prediction = json.get("predictions").get(i);
        boolean truth = json.get("truth").get(i).booleanValue();
        score =
            prediction.isNull()
                ? score.withFailed(1)
                : score.with(truth, prediction.booleanValue());
      }
      assertEquals(json.get("accuracy").doubleValue(), score.accuracy(), 1e-12);
      assertEquals(json.get("precision").doubleValue(), score.precision(), 1e-12);
      assertEquals(json.get("recall").doubleValue(), score.recall(), 1e-12);
      assertEquals(json.get("f1").doubleValue(), score.f1(), 1e-12);
      assertEquals(json.get("truth").size(), score.classified() + score.failed());
    }
  }
}
