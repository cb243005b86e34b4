package dev.vidrio.lens.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.CrossLayerTranscoder;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Parts of scores against scores that a forward pass computes. */
class ScoreAttributionTest {
  private static final int[] TOKENS = {5, 9, 2, 7, 11};
  private static final int QUERY = 4;
  private static final int KEY = 2;

  @TempDir Path directory;

  private Model open(String name) throws IOException {
    return Model.open(TinyModels.write(directory.resolve("model.gguf"), name));
  }

  private static double score(Lens lens, int layer, int head) {
    var point = new HookPoint(HookSite.ATTN_SCORES, layer);
    try (ActivationCache cache = lens.run(TOKENS, Capture.of(point.name()))) {
      Activation scores = cache.get(point);
      int keys = scores.shape().getLast();
      return scores.toArray()[(head * TOKENS.length + QUERY) * keys + KEY];
    }
  }

  /** Biases, norms of queries and keys, grouped heads, positions that rotate or do not. */
  @ParameterizedTest
  @ValueSource(strings = {"gpt2", "qwen2", "qwen3", "gptneox", "olmo2", "llama"})
  void pairsSumToTheScore(String name) throws IOException {
    try (Model model = open(name)) {
      Lens lens = Lens.of(model);
      GraphFeatures features = GraphFeatures.neurons();
      int layer = model.architecture().layers() - 1;
      // @start region="score"
      ScoreAttribution found = ScoreAttribution.of(lens, TOKENS, features, layer, 3, QUERY, KEY);
      for (ScoreAttribution.Pair pair : found.strongest(3)) {
        GraphNode query = pair.query();
        assertTrue(query == null || query.layer() < layer);
      }
      // @end
      double score = score(lens, layer, 3);
      double tolerance = 1e-3 * Math.max(1, Math.abs(score));
      assertEquals(score, found.score(), tolerance);
      assertEquals(score, found.explained(), tolerance);
      double all = 0;
      for (ScoreAttribution.Pair pair : found.strongest(Integer.MAX_VALUE - 1)) {
        all += pair.value();
      }
      assertEquals(score, all, tolerance);
      for (List<ScoreAttribution.Pair> sums : List.of(found.ofQueries(), found.ofKeys())) {
        double sum = sums.stream().mapToDouble(ScoreAttribution.Pair::value).sum();
        assertEquals(score, sum, tolerance);
      }
    }
  }

  @Test
  void featuresOfTranscodersTakePart() throws IOException, URISyntaxException {
    Path files =
        Path.of(
            Objects.requireNonNull(
                    ScoreAttributionTest.class.getResource(
                        "/dev/vidrio/lens/decode/sae/cross-layer"))
                .toURI());
    try (Model model = open("qwen2");
        CrossLayerTranscoder transcoder = CrossLayerTranscoder.open(Lens.of(model), files)) {
      Lens lens = Lens.of(model);
      GraphFeatures features = GraphFeatures.crossLayer(transcoder);
      ScoreAttribution found = ScoreAttribution.of(lens, TOKENS, features, 1, 0, QUERY, KEY);
      assertEquals(score(lens, 1, 0), found.explained(), 1e-3);
      List<ScoreAttribution.Pair> keys = found.ofKeys();
      assertTrue(
          keys.stream()
              .anyMatch(pair -> pair.key() != null && pair.key().kind() == GraphNode.Kind.FEATURE));
      assertTrue(
          keys.stream().allMatch(pair -> pair.key() == null || pair.key().position() <= KEY));
    }
  }

  /** In the first layer, only the embedding of the token and biases act on a query. */
  @Test
  void firstLayerReadsEmbeddings() throws IOException {
    try (Model model = open("gpt2")) {
      Lens lens = Lens.of(model);
      ScoreAttribution found =
          ScoreAttribution.of(lens, TOKENS, GraphFeatures.neurons(), 0, 1, QUERY, KEY);
      ScoreAttribution.Pair first = found.ofQueries().getFirst();
      assertEquals(2, found.ofQueries().size());
      GraphNode query = first.query() == null ? found.ofQueries().getLast().query() : first.query();
      assertEquals("embed@" + QUERY, Objects.requireNonNull(query).name());
    }
  }

  @Test
  void rejectsOthers() throws IOException {
    try (Model model = open("gpt2")) {
      Lens lens = Lens.of(model);
      GraphFeatures neurons = GraphFeatures.neurons();
      int[][] wrong = {{2, 0, 4, 2}, {0, 4, 4, 2}, {0, 0, 5, 2}, {0, 0, 2, 3}, {0, 0, 2, -1}};
      for (int[] w : wrong) {
        assertThrows(
            InvalidInputException.class,
            () -> ScoreAttribution.of(lens, TOKENS, neurons, w[0], w[1], w[2], w[3]));
      }
    }
  }
}
