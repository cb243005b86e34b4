package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Matrices by what they make of activations, on the model of floats: its sums are exact enough. */
class ModelMatricesTest {
  private static final int[] TOKENS = {11, 48, 85, 122, 159, 196};
  private static final int LAYER = 2;

  private static Model model;
  private static Lens lens;
  private static ActivationCache cache;
  private static ModelMatrices matrices;

  @BeforeAll
  static void open() {
    model = Model.open(BardFiles.f32());
    lens = Lens.of(model);
    cache = lens.run(TOKENS, Capture.of("*"));
    matrices = ModelMatrices.of(lens);
  }

  @AfterAll
  static void close() {
    cache.close();
    model.close();
  }

  private static float[] product(float[] x, float[][] matrix) {
    var y = new float[matrix[0].length];
    for (int i = 0; i < y.length; i++) {
      double sum = 0;
      for (int j = 0; j < x.length; j++) {
        sum += (double) x[j] * matrix[j][i];
      }
      y[i] = (float) sum;
    }
    return y;
  }

  private static float[] gained(HookSite norm) {
    HookPoint point = norm.inBlock() ? new HookPoint(norm, LAYER) : HookPoint.of(norm);
    float[] x = cache.get(point).row(4);
    float[] gain = matrices.gain(point);
    for (int j = 0; j < x.length; j++) {
      x[j] *= gain[j];
    }
    return x;
  }

  private static void assertMakes(float[] x, HookPoint point) {
    float[][] matrix = matrices.rows(point, 0, matrices.height(point));
    assertEquals(x.length, matrix.length);
    assertArrayEquals(cache.get(point).row(4), product(x, matrix), 2e-4f);
  }

  /** The feed-forward block is the sum of what its neurons write, n_u w_out_u. */
  @Test
  void activationsAreProducts() {
    for (HookSite site : List.of(HookSite.Q, HookSite.K, HookSite.V)) {
      assertMakes(gained(HookSite.LN1_NORMALIZED), new HookPoint(site, LAYER));
    }
    assertMakes(gained(HookSite.LN2_NORMALIZED), new HookPoint(HookSite.PRE, LAYER));
    assertMakes(cache.get(HookSite.Z, LAYER).row(4), new HookPoint(HookSite.ATTN_OUT, LAYER));
    assertMakes(cache.get(HookSite.POST, LAYER).row(4), new HookPoint(HookSite.MLP_OUT, LAYER));
    assertMakes(gained(HookSite.LN_FINAL_NORMALIZED), HookPoint.of(HookSite.LOGITS));
  }

  @Test
  void embeddingsEqualThoseOfRun() {
    List<Integer> tokens = new ArrayList<>();
    matrices.embeddings(
        TOKENS,
        (token, x) -> {
          assertArrayEquals(cache.get(HookSite.EMBED).row(tokens.size()), x);
          tokens.add(token);
        });
    assertArrayEquals(TOKENS, tokens.stream().mapToInt(i -> i).toArray());
  }

  /** Returns the contribution of a run without attention. */
  @Test
  void effectiveEmbeddingsEqualRunWithoutAttention() {
    List<Intervention> none = List.of(Intervention.zero(new HookPoint(HookSite.ATTN_OUT, 0)));
    try (ActivationCache without = lens.run(TOKENS, Capture.of("blocks.0.hook_resid_post"), none)) {
      List<Integer> tokens = new ArrayList<>();
      matrices.effectiveEmbeddings(
          TOKENS,
          (token, x) -> {
            assertArrayEquals(without.get(HookSite.RESID_POST, 0).row(tokens.size()), x);
            tokens.add(token);
          });
      assertEquals(TOKENS.length, tokens.size());
    }
  }

  /** Packed blocks of 8 bits give what they stand for. */
  @Test
  void quantizedMatricesAreNearThoseOfFloats() {
    try (Model quantized = Model.open(BardFiles.q8())) {
      HookPoint point = new HookPoint(HookSite.MLP_OUT, 1);
      float[][] expected = matrices.rows(point, 100, 3);
      float[][] actual = ModelMatrices.of(Lens.of(quantized)).rows(point, 100, 3);
      for (int i = 0; i < 3; i++) {
        double error = Vectors.norm(Vectors.minus(expected[i], actual[i]));
        assertEquals(0, error / Vectors.norm(expected[i]), 0.01);
      }
    }
  }

  @Test
  void reportsInvalidInput() {
    HookPoint out = new HookPoint(HookSite.MLP_OUT, 0);
    assertThrows(InvalidInputException.class, () -> matrices.rows(out, 768, 1));
    assertThrows(InvalidInputException.class, () -> matrices.rows(out, -1, 1));
    assertThrows(
        InvalidInputException.class, () -> matrices.height(new HookPoint(HookSite.RESID_POST, 0)));
    assertThrows(InvalidInputException.class, () -> matrices.gain(out));
  }
}
