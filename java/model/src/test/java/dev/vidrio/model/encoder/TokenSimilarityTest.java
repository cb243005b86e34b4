package dev.vidrio.model.encoder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings;
import dev.vidrio.model.evaluation.TokenSimilarity;
import dev.vidrio.model.evaluation.TokenSimilarity.Pair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Shares of pairs of tokens against the cosine of embeddings. */
class TokenSimilarityTest {
  private static final Path BERT = Path.of("src/test/resources/dev/vidrio/model/encoder/bert");
  private static final int[] FIRST = {5, 9, 13, 40, 8};
  private static final int[] SECOND = {7, 13, 9};

  /** The roundings of two means and two lengths in F32. */
  private static final double TOLERANCE = 1e-6;

  private static double cosine(Model model) {
    List<float[]> vectors =
        Embeddings.of(model, List.of(FIRST, SECOND), Embeddings.pooling(model), true, done -> {});
    double sum = 0;
    for (int i = 0; i < vectors.getFirst().length; i++) {
      sum += (double) vectors.getFirst()[i] * vectors.getLast()[i];
    }
    return sum;
  }

  private static void assertExact(Model model) {
    TokenSimilarity similarity = TokenSimilarity.of(model, FIRST, SECOND);
    double sum = similarity.shares().stream().flatMapToDouble(Arrays::stream).sum();
    assertEquals(cosine(model), similarity.cosine(), TOLERANCE);
    assertEquals(similarity.cosine(), sum, TOLERANCE);
    assertEquals(FIRST.length, similarity.shares().size());
    assertEquals(SECOND.length, similarity.shares().getFirst().length);
  }

  @Test
  void sharesAddUpToTheCosineOfEmbeddings() {
    try (Model model = Model.open(BERT)) {
      assertExact(model);
      TokenSimilarity same = TokenSimilarity.of(model, FIRST, FIRST);
      assertEquals(1, same.cosine(), TOLERANCE);
      assertEquals(same.shares().get(1)[3], same.shares().get(3)[1], TOLERANCE);
    }
    try (Model model = Model.open(BardFiles.f32())) {
      assertExact(model);
    }
  }

  @Test
  void pairsAreOrderedByShare() {
    try (Model model = Model.open(BERT)) {
      List<Pair> pairs = TokenSimilarity.of(model, FIRST, SECOND).pairs();
      assertEquals(FIRST.length * SECOND.length, pairs.size());
      for (int i = 1; i < pairs.size(); i++) {
        assertTrue(pairs.get(i - 1).share() >= pairs.get(i).share());
      }
    }
  }

  @Test
  void rejectsOtherPoolingsThanTheMean(@TempDir Path directory) throws IOException {
    for (String name : List.of("config.json", "model.safetensors")) {
      Files.copy(BERT.resolve(name), directory.resolve(name));
    }
    Files.createDirectory(directory.resolve("1_Pooling"));
    Files.writeString(
        directory.resolve("modules.json"),
        "[{\"idx\": 1, \"path\": \"1_Pooling\", \"type\": \"Pooling\"}]");
    Files.writeString(
        directory.resolve("1_Pooling/config.json"), "{\"pooling_mode_cls_token\": true}");
    try (Model model = Model.open(directory)) {
      assertThrows(InvalidInputException.class, () -> TokenSimilarity.of(model, FIRST, SECOND));
    }
  }
}
