package dev.vidrio.lens.inspect;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.inspect.BackwardLens.Matrix;
import dev.vidrio.lens.inspect.BackwardLens.MatrixGradient;
import dev.vidrio.lens.partial.RowPlan;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class BackwardLensTest {
  private static final int[] TOKENS = {3, 17, 5, 20, 11};
  private static final DifferentiableMetric METRIC = Metric.logProbability(7);

  @TempDir Path directory;

  private static HookPoint output(HookMap hooks, MatrixGradient gradient) {
    var linear = new HookPoint(HookSite.PRE_LINEAR, gradient.layer());
    HookSite site =
        switch (gradient.matrix()) {
          case Q -> HookSite.Q;
          case K -> HookSite.K;
          case V -> HookSite.V;
          case O -> HookSite.ATTN_OUT;
          case GATE -> HookSite.PRE;
          case IN -> hooks.has(linear) ? HookSite.PRE_LINEAR : HookSite.PRE;
          case OUT -> HookSite.MLP_OUT;
        };
    return new HookPoint(site, gradient.layer());
  }

  private static float[] product(Model model, Op.MatMul product, float[] x) {
    var y = new float[product.weights().n()];
    try (RowPlan plan = RowPlan.product(model.executor(), product.weights(), 1)) {
      plan.run(
          1,
          (_, row) -> MemorySegment.copy(x, 0, row, JAVA_FLOAT, 0, x.length),
          (_, row) -> MemorySegment.copy(row, JAVA_FLOAT, 0, y, 0, y.length));
    }
    return y;
  }

  /**
   * W x is the activation of the product, and ⟨δ, W Δ⟩ is the gradient of the input of W along any
   * Δ, with norms before, after or around blocks, biases, factors and parallel blocks.
   */
  @ParameterizedTest
  @ValueSource(
      strings = {"llama", "gpt2", "gemma2", "olmo2", "granite", "command-r", "gpt-oss", "gemma3n"})
  void bothSidesFitTheWeights(String name) throws IOException {
    try (Model model = Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name))) {
      Lens lens = Lens.of(model);
      HookMap hooks = HookMap.of(model);
      var random = new Random(3);
      Set<Matrix> refused = EnumSet.noneOf(Matrix.class);
      for (Matrix matrix : Matrix.values()) {
        List<MatrixGradient> found;
        try {
          found = BackwardLens.of(lens, TOKENS, METRIC, Set.of(matrix));
        } catch (InvalidInputException e) {
          assertTrue(e.getMessage().contains(" "), e.getMessage());
          refused.add(matrix);
          continue;
        }
        for (MatrixGradient gradient : found) {
          HookPoint point = output(hooks, gradient);
          Op.MatMul product = hooks.product(point);
          assertEquals(TOKENS.length, gradient.tokens());
          if (hooks.afterProduct(point).isEmpty()) {
            try (var cache = lens.run(TOKENS, Capture.of(point.name()))) {
              for (int i = 0; i < TOKENS.length; i++) {
                assertClose(
                    cache.get(point).row(i), product(model, product, gradient.input(i)), name);
              }
            }
          }
          if (matrix.writes()) {
            HookSite site = matrix == Matrix.O ? HookSite.Z : HookSite.POST;
            var input = new HookPoint(site, gradient.layer());
            try (GradientSession session =
                GradientSession.open(lens, GradientOptions.of(input.name(), TOKENS.length))) {
              session.run(TOKENS, METRIC);
              for (int i = 0; i < TOKENS.length; i++) {
                float[] back = session.gradient(input).row(i);
                var change = new float[back.length];
                for (int j = 0; j < change.length; j++) {
                  change[j] = (float) random.nextGaussian();
                }
                double expected = Vectors.dot(back, change);
                double along = Vectors.dot(gradient.error(i), product(model, product, change));
                double size = Vectors.norm(back) * Vectors.norm(change);
                assertEquals(expected, along, 0.02 * size + 1e-7, name + " " + point);
              }
            }
          }
        }
      }
      Set<Matrix> expected =
          switch (name) {
            case "gpt2" -> Set.of(Matrix.GATE);
            case "gpt-oss" -> Set.of(Matrix.GATE, Matrix.IN, Matrix.OUT);
            case "gemma3n" -> Set.of(Matrix.V);
            default -> Set.of();
          };
      assertEquals(expected, refused);
    }
  }

  private static void assertClose(float[] expected, float[] found, String name) {
    double apart = Vectors.norm(Vectors.minus(expected, found));
    assertTrue(apart <= 0.02 * Vectors.norm(expected) + 1e-6, name + ": " + apart);
  }

  /** Changing W by ε a bᵀ changes the metric by ε ⟨a, G b⟩. */
  @ParameterizedTest
  @EnumSource(Matrix.class)
  void gradientIsTheSlopeOfTheWeights(Matrix matrix) {
    try (Model model = Model.open(BardFiles.f32())) {
      Lens lens = Lens.of(model);
      HookMap hooks = HookMap.of(model);
      int[] tokens = model.tokenizer().encode("The king and his");
      DifferentiableMetric metric = Metric.logProbability(model.tokenizer().encode(" queen")[1]);
      MatrixGradient gradient = BackwardLens.of(lens, tokens, metric, Set.of(matrix)).get(1);
      HookPoint point = output(hooks, gradient);
      var random = new Random(1);
      float[] a = unit(random, gradient.error(0).length);
      float[] b = unit(random, gradient.input(0).length);
      double expected = 0;
      for (int i = 0; i < tokens.length; i++) {
        expected += Vectors.dot(a, gradient.error(i)) * Vectors.dot(b, gradient.input(i));
      }
      double step = 0.02 / gradient.norm() * Math.sqrt(a.length);
      double[] values = new double[2];
      for (int side = 0; side < 2; side++) {
        List<Intervention> edits = new ArrayList<>();
        for (int i = 0; i < tokens.length; i++) {
          double along = (side == 0 ? -step : step) * Vectors.dot(b, gradient.input(i));
          edits.add(Intervention.add(point, (float) along, a).position(i));
        }
        values[side] = metric.of(lens, tokens, edits);
      }
      double slope = (values[1] - values[0]) / (2 * step);
      assertEquals(slope, expected, 0.03 * Math.max(Math.abs(slope), gradient.norm() / 20));
    }
  }

  private static float[] unit(Random random, int d) {
    var x = new float[d];
    for (int j = 0; j < d; j++) {
      x[j] = (float) random.nextGaussian();
    }
    Vectors.scale(x, (float) (1 / Vectors.norm(x)));
    return x;
  }

  /** The norm of the sum of outer products, elementwise. */
  @Test
  void normIsThatOfTheMatrix() throws IOException {
    try (Model model = Model.open(TinyModels.write(directory.resolve("llama.gguf"), "llama"))) {
      MatrixGradient gradient =
          BackwardLens.of(Lens.of(model), TOKENS, METRIC, Set.of(Matrix.OUT)).getFirst();
      double square = 0;
      for (int r = 0; r < gradient.error(0).length; r++) {
        for (int c = 0; c < gradient.input(0).length; c++) {
          double sum = 0;
          for (int i = 0; i < gradient.tokens(); i++) {
            sum += (double) gradient.error(i)[r] * gradient.input(i)[c];
          }
          square += sum * sum;
        }
      }
      assertEquals(Math.sqrt(square), gradient.norm(), 1e-5 * gradient.norm());
      assertEquals(
          Vectors.norm(gradient.error(2)) * Vectors.norm(gradient.input(2)), gradient.length(2));
      assertThrows(
          InvalidInputException.class,
          () -> BackwardLens.of(Lens.of(model), TOKENS, METRIC, Set.of()));
    }
  }
}
