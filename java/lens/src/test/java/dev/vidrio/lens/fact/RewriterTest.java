package dev.vidrio.lens.fact;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.fact.Rewriter.Optimization;
import dev.vidrio.lens.fact.Rewriter.Options;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RewriterTest {
  private static final Rewrite FIRST =
      new Rewrite("abc", "the {}", "x", "the", List.of("a {}"), List.of("pqr", "stu"));
  private static final Rewrite SECOND =
      new Rewrite("dog", "the {}", "x", "a", List.of(), List.of());
  private static final List<String> PREFIXES = List.of("", "so it. ");

  @TempDir Path directory;

  private Model open(GgmlType type) throws IOException {
    return Model.open(
        TinyModel.write(
            directory.resolve(type + ".gguf"), TinyModel.Options.standard().withType(type)));
  }

  private static List<int[]> texts() {
    var random = new SplittableRandom(4);
    List<int[]> texts = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      texts.add(random.ints(50, 1, 250).toArray());
    }
    return texts;
  }

  private static final Optimization LONG = steps(40, 0.01);

  private static Optimization steps(int steps, double divergence) {
    return new Optimization(steps, 0.5, 0.9, divergence, 0, 20);
  }

  private static Options rome() {
    return Options.rome(0, PREFIXES).withOptimization(LONG);
  }

  /** Keys at the last token of the subject, averaged over the prefixes. */
  private static double[] mean(Lens lens, Rewrite rewrite, HookPoint point) {
    var mean = new double[2 * TinyModel.WIDTH];
    for (String prefix : PREFIXES) {
      Fact fact =
          Fact.of(lens.model(), rewrite.subject(), prefix + rewrite.prompt(), rewrite.target());
      float[] row = lens.row(fact.tokens(), point, fact.to() - 1);
      for (int j = 0; j < row.length; j++) {
        mean[j] += row[j] / (double) PREFIXES.size();
      }
    }
    return mean;
  }

  /** C + ridge by its definition, one token after the other. */
  private static double[][] covariance(Lens lens, int layer, double ridge) {
    var sum = new double[2 * TinyModel.WIDTH][2 * TinyModel.WIDTH];
    int count = 0;
    HookPoint point = new HookPoint(HookSite.POST, layer);
    for (int[] text : texts()) {
      try (ActivationCache cache = lens.run(text, Capture.of(point.name()))) {
        for (int p = 1; p < text.length; p++, count++) {
          float[] key = cache.get(point).row(p);
          for (int i = 0; i < key.length; i++) {
            for (int j = 0; j < key.length; j++) {
              sum[i][j] += (double) key[i] * key[j];
            }
          }
        }
      }
    }
    double trace = 0;
    for (int i = 0; i < sum.length; i++) {
      for (int j = 0; j < sum.length; j++) {
        sum[i][j] /= count;
      }
      trace += sum[i][i];
    }
    for (int i = 0; i < sum.length; i++) {
      sum[i][i] += ridge * trace / sum.length;
    }
    return sum;
  }

  /** Gauss and Jordan with pivots, which has nothing in common with the factorization. */
  private static double[] solve(double[][] matrix, double[] b) {
    int n = b.length;
    var a = new double[n][];
    for (int i = 0; i < n; i++) {
      a[i] = Arrays.copyOf(matrix[i], n + 1);
      a[i][n] = b[i];
    }
    for (int c = 0; c < n; c++) {
      int pivot = c;
      for (int i = c; i < n; i++) {
        pivot = Math.abs(a[i][c]) > Math.abs(a[pivot][c]) ? i : pivot;
      }
      double[] row = a[pivot];
      a[pivot] = a[c];
      a[c] = row;
      for (int i = 0; i < n; i++) {
        double factor = i == c ? 0 : a[i][c] / row[c];
        for (int j = c; factor != 0 && j <= n; j++) {
          a[i][j] -= factor * row[j];
        }
      }
    }
    var x = new double[n];
    for (int i = 0; i < n; i++) {
      x[i] = a[i][n] / a[i][i];
    }
    return x;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  /** Δ = δ (C⁻¹k)ᵀ / (kᵀC⁻¹k), element by element. */
  @Test
  void romeEqualsFormula() throws IOException {
    try (Model model = open(GgmlType.Q8_0)) {
      Lens lens = Lens.of(model);
      var rewriter = new Rewriter(lens, texts(), rome());
      LowRankUpdate update = rewriter.rewrite(List.of(FIRST)).getFirst();
      assertEquals("blk.0.ffn_down.weight", update.tensor());
      assertEquals(1, update.rank());
      double[] key = mean(lens, FIRST, new HookPoint(HookSite.POST, 0));
      double[] solved = solve(covariance(lens, 0, rome().ridge()), key);
      float[] change = rewriter.value(FIRST).change();
      double scale = 0;
      for (int j = 0; j < change.length; j++) {
        scale = Math.max(scale, Math.abs(change[j]));
      }
      for (int i = 0; i < change.length; i++) {
        for (int j = 0; j < key.length; j++) {
          double expected = change[i] * solved[j] / dot(key, solved);
          assertEquals(
              expected, update.b().get(0)[i] * (double) update.a().get(0)[j], 1e-4 * scale);
        }
      }
    }
  }

  /** The update times the key of a neighbor is that part of the value. */
  @Test
  void interferenceEqualsFormula() throws IOException {
    try (Model model = open(GgmlType.F32)) {
      Lens lens = Lens.of(model);
      var rewriter = new Rewriter(lens, texts(), rome());
      LowRankUpdate update = rewriter.rewrite(List.of(FIRST)).getFirst();
      Fact other = Fact.of(model, "pqr", "the {}", "x");
      float[] key = lens.row(other.tokens(), new HookPoint(HookSite.POST, 0), other.to() - 1);
      double along = 0;
      for (int j = 0; j < key.length; j++) {
        along += key[j] * (double) update.a().getFirst()[j];
      }
      float[] change = rewriter.value(FIRST).change();
      double part = rewriter.interference(FIRST).getFirst();
      for (int i = 0; i < change.length; i++) {
        assertEquals(
            part * change[i], along * update.b().getFirst()[i], 1e-4 * (1 + Math.abs(change[i])));
      }
    }
  }

  /** Several updates at once map each key to its value. */
  @Test
  void romeInsertsAllValues() throws IOException {
    try (Model model = open(GgmlType.F32)) {
      Lens lens = Lens.of(model);
      var rewriter = new Rewriter(lens, texts(), rome());
      LowRankUpdate update = rewriter.rewrite(List.of(FIRST, SECOND)).getFirst();
      assertEquals(2, update.rank());
      for (Rewrite rewrite : List.of(FIRST, SECOND)) {
        double[] key = mean(lens, rewrite, new HookPoint(HookSite.POST, 0));
        float[] change = rewriter.value(rewrite).change();
        for (int i = 0; i < change.length; i++) {
          double sum = 0;
          for (int r = 0; r < 2; r++) {
            for (int j = 0; j < key.length; j++) {
              sum += update.b().get(r)[i] * update.a().get(r)[j] * key[j];
            }
          }
          assertEquals(change[i], sum, 1e-4 * (1 + Math.abs(change[i])));
        }
      }
    }
  }

  /** Δ (λC + KKᵀ) = R Kᵀ, the normal equations of MEMIT, at its only layer. */
  @Test
  void memitSolvesNormalEquations() throws IOException {
    try (Model model = open(GgmlType.F32)) {
      Lens lens = Lens.of(model);
      Options options =
          Options.memit(1, 1, PREFIXES)
              .withOptimization(LONG)
              .withWeights(3.0 / (2 * TinyModel.WIDTH), 0.01);
      var rewriter = new Rewriter(lens, texts(), options);
      List<Rewrite> rewrites = List.of(FIRST, SECOND);
      LowRankUpdate update = rewriter.rewrite(rewrites).getFirst();
      double[][] normal = covariance(lens, 1, 0.01);
      int n = normal.length;
      double[][] keys = new double[2][];
      for (int r = 0; r < 2; r++) {
        keys[r] = mean(lens, rewrites.get(r), new HookPoint(HookSite.POST, 1));
      }
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          normal[i][j] = 3 * normal[i][j] + keys[0][i] * keys[0][j] + keys[1][i] * keys[1][j];
        }
      }
      for (int i = 0; i < update.b().getFirst().length; i++) {
        for (int j = 0; j < n; j++) {
          double left = 0;
          for (int k = 0; k < n; k++) {
            left +=
                (update.b().get(0)[i] * (double) update.a().get(0)[k]
                        + update.b().get(1)[i] * (double) update.a().get(1)[k])
                    * normal[k][j];
          }
          double right = 0;
          double size = 1e-3;
          for (int r = 0; r < 2; r++) {
            right += rewriter.value(rewrites.get(r)).change()[i] * keys[r][j];
            size += Math.abs(rewriter.value(rewrites.get(r)).change()[i] * keys[r][j]);
          }
          assertEquals(right, left, 2e-3 * size);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = GgmlType.class,
      names = {"F32", "Q8_0", "Q4_0"})
  void adaptersMakeTargetsLikely(GgmlType type) throws IOException {
    try (Model model = open(type)) {
      Lens lens = Lens.of(model);
      List<Rewrite> rewrites = List.of(FIRST, SECOND);
      var options =
          List.of(
              rome(),
              Options.memit(1, 2, PREFIXES)
                  .withOptimization(LONG)
                  .withWeights(0.01 / (2 * TinyModel.WIDTH), 0.01));
      for (Options option : options) {
        var rewriter = new Rewriter(lens, texts(), option);
        RewriteValue value = rewriter.value(FIRST);
        assertTrue(
            value.after() > 100 * value.before(), value.after() + " after " + value.before());
        List<LowRankUpdate> updates = rewriter.rewrite(rewrites);
        assertEquals(option.layers(), updates.size());
        Rewriter.with(
            lens,
            updates,
            changed -> {
              for (Rewrite rewrite : rewrites) {
                Fact fact = Fact.of(model, rewrite.subject(), rewrite.prompt(), rewrite.target());
                double p = Metric.probability(fact.answer()).of(changed, fact.tokens());
                assertTrue(p > 0.1, option.method() + " " + p);
              }
              RewriteScores scores = RewriteScores.of(changed, rewrites);
              assertEquals(1, scores.efficacy().mean());
              assertEquals(1, scores.paraphrase().count());
              assertEquals(2, scores.neighborhood().count());
            });
      }
    }
  }

  /** The adapter changes the product by the value of the prompt. */
  @Test
  void productChangesByValue() throws IOException {
    try (Model model = open(GgmlType.F32)) {
      Lens lens = Lens.of(model);
      Options options = Options.rome(1, List.of("")).withOptimization(steps(5, 0));
      var rewriter = new Rewriter(lens, texts(), options);
      Fact fact = Fact.of(model, "abc", "the {}", "the");
      var point = new HookPoint(HookSite.MLP_OUT, 1);
      float[] before = lens.row(fact.tokens(), point, fact.to() - 1);
      float[] change = rewriter.value(FIRST).change();
      Rewriter.with(
          lens,
          rewriter.rewrite(List.of(FIRST)),
          changed -> {
            float[] after = changed.row(fact.tokens(), point, fact.to() - 1);
            for (int j = 0; j < after.length; j++) {
              assertEquals(before[j] + change[j], after[j], 1e-3 * (1 + Math.abs(change[j])));
            }
          });
    }
  }

  /**
   * With a norm after the product, the changed one gives the direction of the wanted output, [d].
   */
  @Test
  void inverseKeepsLengthBeforeNorm() throws IOException {
    try (Model model = Model.open(TinyModels.write(directory.resolve("gemma2.gguf"), "gemma2"))) {
      FeedForwardPath path = FeedForwardPath.of(Lens.of(model), 1);
      int d = model.architecture().width();
      var random = new SplittableRandom(7);
      float[] u = floats(random, d);
      float[] change = floats(random, d);
      float[] changed = u.clone();
      Vectors.add(changed, path.inverse(u, change));
      assertEquals(Vectors.norm(u), Vectors.norm(changed), 1e-4 * Vectors.norm(u));
      float[] zero = path.forward(u);
      float[] output = path.forward(changed);
      double ratio = 0;
      for (int j = 0; j < d; j++) {
        double wanted = zero[j] + change[j];
        ratio = j == 0 ? output[0] / wanted : ratio;
        assertEquals(ratio * wanted, output[j], 1e-3 * Math.abs(output[j]) + 1e-5);
      }
      assertTrue(ratio > 0);
    }
  }

  private static float[] floats(SplittableRandom random, int count) {
    var values = new float[count];
    for (int j = 0; j < count; j++) {
      values[j] = (float) random.nextDouble(-1, 1);
    }
    return values;
  }

  @Test
  void writesFactorsOfAdapter() throws IOException {
    try (Model model = open(GgmlType.F32);
        Arena arena = Arena.ofConfined()) {
      var a = new float[][] {new float[64], new float[64], new float[64]};
      var b = new float[][] {new float[32], new float[32], new float[32]};
      a[2][5] = 7;
      b[1][9] = 8;
      Path file = directory.resolve("update.gguf");
      LowRankUpdate.write(
          file, model, List.of(new LowRankUpdate("blk.1.ffn_down.weight", List.of(a), List.of(b))));
      Gguf gguf = Gguf.open(file, arena);
      assertEquals(List.of(64L, 3L), gguf.tensor("blk.1.ffn_down.weight.lora_a").shape());
      assertEquals(List.of(3L, 32L), gguf.tensor("blk.1.ffn_down.weight.lora_b").shape());
      assertEquals(
          7,
          gguf.tensor("blk.1.ffn_down.weight.lora_a")
              .data()
              .getAtIndex(JAVA_FLOAT_UNALIGNED, 2 * 64 + 5));
      assertEquals(
          8,
          gguf.tensor("blk.1.ffn_down.weight.lora_b")
              .data()
              .getAtIndex(JAVA_FLOAT_UNALIGNED, 9 * 3 + 1));
      assertEquals(3, model.openAdapter(file).rank());
    }
  }

  private static void refused(String expected, Runnable action) {
    String message = assertThrows(InvalidInputException.class, action::run).getMessage();
    assertTrue(message.contains(expected), message);
  }

  @Test
  void rejectsInvalidRewrites() throws IOException {
    refused("must contain {}", () -> new Rewrite("a", "no place", "b", "c", List.of(), List.of()));
    refused("layers 3: must be 1 to 2", () -> Options.memit(1, 3, PREFIXES));
    refused("prefixes 0", () -> Options.rome(1, List.of()));
    try (Model model = open(GgmlType.F32)) {
      Lens lens = Lens.of(model);
      refused(
          "layer 2: must be 0 to 1", () -> new Rewriter(lens, texts(), Options.rome(2, PREFIXES)));
      var same = new Rewrite("abc", "the {}", "x", "a", List.of(), List.of());
      var rewriter = new Rewriter(lens, texts(), rome().withOptimization(steps(1, 0.01)));
      String twice =
          assertThrows(InvalidInputException.class, () -> rewriter.rewrite(List.of(FIRST, same)))
              .getMessage();
      assertTrue(twice.contains("occurs twice"), twice);
      var one = new Rewrite("abc", "the {}", "x", "y", List.of(), List.of());
      refused("begins with the same token", () -> RewriteScores.of(lens, List.of(one)));
    }
    Path experts =
        TinyModel.write(
            directory.resolve("experts.gguf"), TinyModel.Options.standard().withExperts(4));
    try (Model model = Model.open(experts)) {
      refused("experts", () -> new Rewriter(Lens.of(model), texts(), Options.rome(0, PREFIXES)));
    }
  }
}
