package dev.vidrio.model.encoder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Classification;
import dev.vidrio.model.evaluation.Reranker;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.tokenizer.EncodedPair;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Cross-encoders: the scores are sigmoids of logits, which other tests compare. */
class ClassifierRerankerTest {
  private static final Path DIRECTORY = Path.of("src/test/resources/dev/vidrio/model/encoder");

  private static Model open(String name) {
    return Model.open(DIRECTORY.resolve(name));
  }

  private static EncodedPair pair(int... ids) {
    return new EncodedPair(ids, new int[ids.length]);
  }

  @ParameterizedTest
  @ValueSource(strings = {"modern-bert-classifier", "xlm-roberta-classifier"})
  void scoresAreSigmoidsOfLogits(String name) {
    try (Model model = open(name)) {
      List<EncodedPair> pairs = List.of(pair(3, 4, 5), pair(7), pair(9, 8, 7, 6, 5, 4, 3));
      Reranker reranker = Reranker.of(model);
      List<Double> scores = reranker.scores(pairs, SessionOptions.DEFAULT, done -> {});
      List<Double> expected = new ArrayList<>();
      for (EncodedPair pair : pairs) {
        float[] logits =
            Classification.logits(model, List.of(pair.ids()), List.of(pair.types()), done -> {})
                .getFirst();
        expected.add(1 / (1 + Math.exp(-logits[0])));
      }
      for (int i = 0; i < scores.size(); i++) {
        assertEquals(expected.get(i), scores.get(i), 1e-15);
      }
      int limit = reranker.maxTokens();
      int[] tooLong = new int[limit + 1];
      Arrays.fill(tooLong, 3);
      String message =
          assertThrows(
                  InvalidInputException.class,
                  () ->
                      reranker.scores(
                          List.of(pair(3), pair(tooLong)), SessionOptions.DEFAULT, done -> {}))
              .getMessage();
      assertEquals(
          "document 1 " + (limit + 1) + " tokens: must have at most " + limit + " with its query",
          message);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"bert, 0", "bert-classifier, 3"})
  void rejectsOtherEncodersByName(String row) {
    String[] parts = row.split(", ", -1);
    try (Model model = open(parts[0])) {
      String message =
          assertThrows(UnsupportedModelException.class, () -> Reranker.of(model)).getMessage();
      assertTrue(message.contains("an encoder of " + parts[1] + " classes is not"), message);
    }
  }

  @Test
  void textsNeedATokenizer() {
    try (Model model = open("modern-bert-classifier")) {
      assertThrows(InvalidInputException.class, () -> Reranker.of(model).encode("a", "b"));
    }
  }
}
