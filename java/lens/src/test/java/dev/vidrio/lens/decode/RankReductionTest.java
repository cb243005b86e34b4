package dev.vidrio.lens.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.ModelMatrices;
import dev.vidrio.lens.decode.RankReduction.Matrix;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.numeric.SingularVectors;
import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RankReductionTest {
  private static final int[] TOKENS = {3, 1, 4, 1, 5, 9, 2, 6};

  @TempDir Path directory;

  /** The logits are those of a file that has the reduced matrix. */
  @ParameterizedTest
  @CsvSource({
    "llama, OUT, ffn_down, hook_mlp_out",
    "llama, IN, ffn_up, mlp.hook_pre_linear",
    "llama, GATE, ffn_gate, mlp.hook_pre",
    "llama, O, attn_output, hook_attn_out",
    "gpt2, OUT, ffn_down, hook_mlp_out",
    "gpt2, IN, ffn_up, mlp.hook_pre",
    "gemma2, OUT, ffn_down, hook_mlp_out",
    "gemma2, O, attn_output, hook_attn_out",
    "qwen3next, O, attn_output, hook_attn_out",
  })
  void equalsModelWithReducedMatrix(String name, Matrix matrix, String tensor, String hook)
      throws IOException {
    int rank = 5;
    int layer = 1;
    GgufWriter writer = TinyModels.writer(name);
    Path original = Files.write(directory.resolve("original.gguf"), writer.toBytes());
    float[][] logits;
    try (Model model = Model.open(original)) {
      Lens lens = Lens.of(model);
      RankReduction reduction = RankReduction.of(lens, layer, matrix);
      try (ActivationCache cache =
          lens.run(TOKENS, Capture.of("unembed.hook_out"), reduction.hooks(rank))) {
        logits = cache.get(HookSite.LOGITS).rows();
      }
      var point = new HookPoint(site(hook), layer);
      ModelMatrices matrices = ModelMatrices.of(lens);
      float[][] rows = matrices.rows(point, 0, matrices.height(point));
      int k = rows.length;
      int n = rows[0].length;
      var bytes = ByteBuffer.allocate(4 * k * n).order(ByteOrder.LITTLE_ENDIAN);
      double[][] reduced = reduced(DoubleVectors.doubles(rows), rank);
      for (int j = 0; j < n; j++) {
        for (int i = 0; i < k; i++) {
          bytes.putFloat((float) reduced[i][j]);
        }
      }
      writer.tensor("blk." + layer + "." + tensor + ".weight", GgmlType.F32, bytes.array(), k, n);
    }
    Path other = Files.write(directory.resolve("reduced.gguf"), writer.toBytes());
    try (Model model = Model.open(other);
        ActivationCache cache = Lens.of(model).run(TOKENS, Capture.of("unembed.hook_out"))) {
      float[][] expected = cache.get(HookSite.LOGITS).rows();
      for (int i = 0; i < expected.length; i++) {
        for (int w = 0; w < expected[i].length; w++) {
          assertEquals(expected[i][w], logits[i][w], 2e-4 * (1 + Math.abs(expected[i][w])));
        }
      }
    }
  }

  private static HookSite site(String hook) {
    return List.of(HookSite.values()).stream()
        .filter(site -> site.suffix().equals(hook))
        .findFirst()
        .orElseThrow();
  }

  /** Returns {@code Σ_{i < rank} u_i u_iᵀ W}. */
  private static double[][] reduced(double[][] matrix, int rank) {
    var found = SingularVectors.of(matrix);
    var sum = new double[matrix.length][matrix[0].length];
    for (int r = 0; r < rank; r++) {
      for (int i = 0; i < sum.length; i++) {
        for (int j = 0; j < sum[i].length; j++) {
          sum[i][j] += found.values()[r] * found.left(r)[i] * found.right(r)[j];
        }
      }
    }
    return sum;
  }

  @Test
  void qualityIsLossOfNextToken() throws IOException {
    Path file = TinyModels.write(directory.resolve("llama.gguf"), "llama");
    try (Model model = Model.open(file)) {
      Lens lens = Lens.of(model);
      RankReduction reduction = RankReduction.of(lens, 1, Matrix.OUT);
      List<int[]> texts = List.of(TOKENS, new int[] {2, 7, 1});
      RankReduction.Quality whole = RankReduction.quality(lens, texts);
      double loss = 0;
      double hits = 0;
      for (int[] tokens : texts) {
        try (ActivationCache cache = lens.run(tokens, Capture.of("unembed.hook_out"))) {
          for (int i = 0; i < tokens.length - 1; i++) {
            float[] row = cache.get(HookSite.LOGITS).row(i);
            double sum = 0;
            int best = 0;
            for (int w = 0; w < row.length; w++) {
              sum += Math.exp(row[w]);
              best = row[w] > row[best] ? w : best;
            }
            loss += Math.log(sum) - row[tokens[i + 1]];
            hits += best == tokens[i + 1] ? 1 : 0;
          }
        }
      }
      assertEquals(9, whole.loss().count());
      assertEquals(loss / 9, whole.loss().mean(), 1e-5);
      assertEquals(hits / 9, whole.accuracy().mean(), 1e-12);
      RankReduction.Quality same = reduction.quality(texts, reduction.rank());
      assertEquals(whole.loss().mean(), same.loss().mean(), 1e-4);
      assertTrue(Math.abs(reduction.quality(texts, 1).loss().mean() - whole.loss().mean()) > 1e-4);
      assertEquals(1, reduction.energy(reduction.rank()), 1e-12);
      assertEquals(1, reduction.rank(0.001));
      assertEquals(reduction.rank() / 2, reduction.rank(0.5));
    }
  }

  @Test
  void rejectsInvalidInput() throws IOException {
    Path file = TinyModels.write(directory.resolve("gpt2.gguf"), "gpt2");
    try (Model model = Model.open(file)) {
      Lens lens = Lens.of(model);
      assertThrows(InvalidInputException.class, () -> RankReduction.of(lens, 0, Matrix.GATE));
      assertThrows(InvalidInputException.class, () -> RankReduction.of(lens, 9, Matrix.OUT));
      RankReduction reduction = RankReduction.of(lens, 0, Matrix.OUT);
      assertThrows(InvalidInputException.class, () -> reduction.hooks(0));
      assertThrows(InvalidInputException.class, () -> reduction.hooks(reduction.rank() + 1));
      assertThrows(InvalidInputException.class, () -> reduction.rank(0));
    }
    Path experts = TinyModels.write(directory.resolve("mixtral.gguf"), "mixtral");
    try (Model model = Model.open(experts)) {
      Lens lens = Lens.of(model);
      assertThrows(InvalidInputException.class, () -> RankReduction.of(lens, 0, Matrix.OUT));
    }
  }
}
