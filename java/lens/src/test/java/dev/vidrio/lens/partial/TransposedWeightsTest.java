package dev.vidrio.lens.partial;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.ModelMatrices;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TransposedWeightsTest {
  /**
   * Half a step of a byte, and the rounding of its scale to f16, relative to the largest element of
   * a block.
   */
  private static final double TOLERANCE = 1.0 / 254 + 0x1p-11;

  private static Weights product(Model model, HookPoint point) {
    return HookMap.of(model).product(point).weights();
  }

  /** In bf16, the transpose has the model's weights, rounded. */
  @Test
  void roundsTheModelsWeights() {
    try (Model model = Model.open(BardFiles.q8())) {
      Lens lens = Lens.of(model);
      HookPoint point = lens.point("blocks.1.hook_mlp_out");
      Weights transposed =
          TransposedWeights.of(model).transpose(product(model, point), Arithmetic.BF16);
      float[][] expected =
          ModelMatrices.of(lens).rows(point, 0, ModelMatrices.of(lens).height(point));
      float[][] actual = rows(model, transposed);
      for (int n = 0; n < expected.length; n++) {
        for (int k = 0; k < expected[n].length; k++) {
          assertEquals(expected[n][k], actual[n][k], 0x1p-8 * Math.abs(expected[n][k]));
        }
      }
    }
  }

  /** The columns of the transpose are the rows of the matrix that the model multiplies by. */
  @ParameterizedTest
  @CsvSource({"f32,AT_ONCE", "q8,AT_ONCE", "q8,DEFERRED", "q8,NEVER"})
  void holdsTheModelsWeights(String file, Repacking repacking) {
    Path path = file.equals("f32") ? BardFiles.f32() : BardFiles.q8();
    try (Model model = Model.open(path, ModelOptions.DEFAULT.withRepacking(repacking))) {
      Lens lens = Lens.of(model);
      for (String name : new String[] {"blocks.0.attn.hook_k", "blocks.1.hook_mlp_out"}) {
        HookPoint point = lens.point(name);
        Weights transposed =
            TransposedWeights.of(model).transpose(product(model, point), Arithmetic.INT8);
        float[][] expected =
            ModelMatrices.of(lens).rows(point, 0, ModelMatrices.of(lens).height(point));
        assertEquals(expected.length, transposed.n());
        assertEquals(expected[0].length, transposed.k());
        assertNear(expected, rows(model, transposed));
      }
    }
  }

  /** Rows of Wᵀ, which are products of its columns with unit vectors. */
  private static float[][] rows(Model model, Weights weights) {
    var rows = new float[weights.n()][weights.k()];
    try (RowPlan plan = RowPlan.product(model.executor(), weights, 64)) {
      plan.run(
          weights.k(),
          (k, x) -> x.fill((byte) 0).setAtIndex(JAVA_FLOAT, k, 1),
          (k, y) -> {
            for (int n = 0; n < weights.n(); n++) {
              rows[n][k] = y.getAtIndex(JAVA_FLOAT, n);
            }
          });
    }
    return rows;
  }

  private static void assertNear(float[][] expected, float[][] actual) {
    for (int n = 0; n < expected.length; n++) {
      for (int block = 0; block < expected[n].length; block += 32) {
        double greatest = 0;
        for (int k = block; k < block + 32; k++) {
          greatest = Math.max(greatest, Math.abs(expected[n][k]));
        }
        for (int k = block; k < block + 32; k++) {
          assertEquals(expected[n][k], actual[n][k], TOLERANCE * greatest);
        }
      }
    }
  }

  @Test
  void cachesMatricesPerModel() {
    Weights first;
    try (Model model = Model.open(BardFiles.q8())) {
      Weights weights = product(model, Lens.of(model).point("blocks.0.hook_attn_out"));
      first = TransposedWeights.of(model).transpose(weights, Arithmetic.INT8);
      assertSame(first, TransposedWeights.of(model).transpose(weights, Arithmetic.INT8));
    }
    assertThrows(IllegalStateException.class, () -> first.data().get(JAVA_FLOAT, 0));
  }
}
