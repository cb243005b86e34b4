package dev.vidrio.lens.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.F32BardTest;
import dev.vidrio.lens.decode.FeedForwardMatrices.Matrix;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Circuits of heads, and vectors in words, by what the model of floats computes. */
class HeadMatricesTest extends F32BardTest {
  private static final int LAYER = 1;
  private static final int HEAD = 5;

  /** The first token attends to itself alone: its result is its own OV circuit. */
  @Test
  void ovCircuitsMatchFirstToken() {
    HeadMatrices head = HeadMatrices.of(lens, LAYER, HEAD);
    try (ActivationCache cache =
        lens.run(new int[] {300}, Capture.of("blocks.1.*,blocks.1.attn.hook_result"))) {
      float[] x = cache.get(HookSite.LN1_NORMALIZED, LAYER).row(0);
      float[] results = cache.get(HookSite.RESULT, LAYER).row(0);
      assertArrayEquals(
          Arrays.copyOfRange(results, HEAD * 256, (HEAD + 1) * 256), head.written(x), 1e-4f);
      double score = Vectors.dot(head.attended(x), x) / Math.sqrt(32);
      assertEquals(cache.get(HookSite.ATTN_SCORES, LAYER).at(HEAD, 0, 0), score, 1e-3);
    }
  }

  @Test
  void singularVectorsMultiplyToTheCircuit() {
    HeadMatrices head = HeadMatrices.of(lens, LAYER, HEAD);
    List<SingularTriple> singular = head.singular();
    assertEquals(32, singular.size());
    float[] x = VocabularyProjection.embedding(lens, LAYER, 300);
    assertEquals(16, Vectors.norm(x), 1e-4);
    var sum = new double[256];
    for (SingularTriple s : singular) {
      assertEquals(1, Vectors.norm(s.reads()), 1e-5);
      assertEquals(1, Vectors.norm(s.writes()), 1e-5);
      double along = s.value() * Vectors.dot(x, s.reads());
      for (int j = 0; j < sum.length; j++) {
        sum[j] += along * s.writes()[j];
      }
    }
    float[] written = head.written(x);
    for (int j = 0; j < sum.length; j++) {
      assertEquals(written[j], sum[j], 1e-5);
    }
    assertTrue(singular.getFirst().value() > singular.getLast().value());
  }

  /** The last stream, read as a vector, gives the model's prediction up to the norm's divisor. */
  @Test
  void projectsWrittenVectors() {
    int[] tokens = model.tokenizer().encode("To be, or not to");
    try (ActivationCache cache =
        lens.run(tokens, Capture.of("blocks.3.hook_resid_post,unembed.hook_out"))) {
      int last = tokens.length - 1;
      float[] logits = cache.get(HookSite.LOGITS).row(last);
      List<VocabularyProjection.Score> scores =
          VocabularyProjection.written(lens, cache.get(HookSite.RESID_POST, 3).row(last), 5);
      for (int i = 0; i < 5; i++) {
        assertEquals(logits[scores.get(i).token()], scores.get(i).value(), 1e-4);
        assertTrue(i == 0 || scores.get(i).value() <= scores.get(i - 1).value());
      }
    }
  }

  /** An embedding lies along itself more than along any other, of those as long. */
  @Test
  void readingDirectionsFindToken() {
    float[] x = VocabularyProjection.embedding(lens, LAYER, 300);
    List<VocabularyProjection.Score> scores = VocabularyProjection.read(lens, LAYER, x, 3);
    assertEquals(300, scores.getFirst().token());
    assertEquals(256, scores.getFirst().value(), 1e-2);
  }

  /** The outputs of all neurons add up to the output of their block. */
  @Test
  void valueVectorsAddUpToTheOutput() {
    FeedForwardMatrices block = FeedForwardMatrices.of(lens, 2);
    try (ActivationCache cache = lens.run(new int[] {300}, Capture.of("blocks.2.*"))) {
      float[] post = cache.get(HookSite.POST, 2).row(0);
      var sum = new double[256];
      for (int u = 0; u < post.length; u++) {
        float[] vector = block.vector(Matrix.OUT, u);
        for (int j = 0; j < sum.length; j++) {
          sum[j] += (double) post[u] * vector[j];
        }
      }
      for (int j = 0; j < sum.length; j++) {
        assertEquals(cache.get(HookSite.MLP_OUT, 2).at(0, j), sum[j], 1e-4);
      }
    }
  }

  @Test
  void reportsInvalidInput() {
    assertThrows(InvalidInputException.class, () -> HeadMatrices.of(lens, 0, 8));
    FeedForwardMatrices block = FeedForwardMatrices.of(lens, 0);
    assertThrows(InvalidInputException.class, () -> block.vector(Matrix.OUT, 768));
    assertThrows(InvalidInputException.class, () -> VocabularyProjection.embedding(lens, 0, 2048));
    assertThrows(
        InvalidInputException.class, () -> VocabularyProjection.read(lens, 0, new float[3], 1));
    assertThrows(
        InvalidInputException.class, () -> VocabularyProjection.written(lens, new float[256], 0));
  }
}
