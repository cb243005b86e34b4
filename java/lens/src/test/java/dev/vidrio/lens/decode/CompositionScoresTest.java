package dev.vidrio.lens.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.ModelMatrices;
import dev.vidrio.lens.circuit.Node;
import dev.vidrio.lens.component.HeadOutputs;
import dev.vidrio.lens.decode.CompositionScores.Kind;
import dev.vidrio.lens.decode.CompositionScores.Score;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.model.Model;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Composition scores against products of whole matrices, d × d, in every architecture. */
class CompositionScoresTest {
  private static final List<Kind> KINDS = List.of(Kind.values());

  @TempDir Path directory;

  private Model open(String name) throws IOException {
    return Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name));
  }

  /** W_QK and W_OV of a head as TransformerLens folds them: gains, and means if norms center. */
  private static final class Whole {
    final double[][] qk;
    final double[][] ov;

    private Whole(double[][] qk, double[][] ov) {
      this.qk = qk;
      this.ov = ov;
    }

    static Whole of(Lens lens, HookMap hooks, Node.Head head) {
      ModelMatrices matrices = ModelMatrices.of(lens);
      int layer = head.layer();
      int heads = hooks.heads(layer);
      int keys = hooks.keysOf(layer);
      HookPoint q = new HookPoint(HookSite.Q, layer);
      HookPoint k = new HookPoint(HookSite.K, keys);
      HookPoint v = new HookPoint(HookSite.V, keys);
      HookPoint out = new HookPoint(HookSite.ATTN_OUT, layer);
      int groups = hooks.kvHeads(layer);
      double[][] queries = part(folded(matrices, hooks, q), head.head(), heads);
      double[][] ofKeys = part(folded(matrices, hooks, k), head.head() * groups / heads, groups);
      double[][] values = part(folded(matrices, hooks, v), head.head() * groups / heads, groups);
      int width = matrices.height(out) / heads;
      float[][] outputs = matrices.rows(out, 0, matrices.height(out));
      float[] gain = matrices.gainBefore(out);
      var own = new double[width][];
      for (int i = 0; i < width; i++) {
        int row = head.head() * width + i;
        own[i] =
            DoubleVectors.doubles(HeadOutputs.undivided(hooks.afterAttention(layer), outputs[row]));
        DoubleVectors.scale(own[i], gain[row]);
        if (layerNorm(hooks, q)) {
          double mean = Arrays.stream(own[i]).average().orElseThrow();
          own[i] = Arrays.stream(own[i]).map(x -> x - mean).toArray();
        }
      }
      return new Whole(
          FactoredMatrixTest.product(queries, transposed(ofKeys)),
          FactoredMatrixTest.product(values, own));
    }

    private static boolean layerNorm(HookMap hooks, HookPoint point) {
      return hooks.normBefore(point).filter(n -> n.kind() == Op.NormKind.LAYER).isPresent();
    }

    /** (I − 1 1ᵀ / d) diag(γ) W, by definition. */
    private static double[][] folded(ModelMatrices matrices, HookMap hooks, HookPoint point) {
      double[][] w = DoubleVectors.doubles(matrices.rows(point, 0, matrices.height(point)));
      float[] gain = matrices.gainBefore(point);
      for (int j = 0; j < w.length; j++) {
        DoubleVectors.scale(w[j], gain[j]);
      }
      if (!layerNorm(hooks, point)) {
        return w;
      }
      var project = new double[w.length][w.length];
      for (int i = 0; i < w.length; i++) {
        for (int j = 0; j < w.length; j++) {
          project[i][j] = (i == j ? 1 : 0) - 1.0 / w.length;
        }
      }
      return FactoredMatrixTest.product(project, w);
    }

    private static double[][] part(double[][] rows, int head, int heads) {
      int width = rows[0].length / heads;
      var columns = new double[rows.length][];
      for (int j = 0; j < rows.length; j++) {
        columns[j] = Arrays.copyOfRange(rows[j], head * width, (head + 1) * width);
      }
      return columns;
    }
  }

  private static double[][] transposed(double[][] a) {
    var t = new double[a[0].length][a.length];
    for (int i = 0; i < a.length; i++) {
      for (int j = 0; j < t.length; j++) {
        t[j][i] = a[i][j];
      }
    }
    return t;
  }

  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void scoresMatchWholeMatrices(String name) throws IOException {
    try (Model model = open(name)) {
      Lens lens = Lens.of(model);
      if (TinyModels.has(name, Trait.LATENT_ATTENTION) || !Preconditions.hasOneStream(model)) {
        assertThrows(InvalidInputException.class, () -> CompositionScores.of(lens, KINDS));
        return;
      }
      HookMap hooks = HookMap.of(model);
      boolean attends =
          IntStream.range(0, model.architecture().layers()).anyMatch(l -> hooks.heads(l) > 0);
      assumeTrue(attends, "the model has no heads");
      Map<Node.Head, Whole> all = new HashMap<>();
      for (CompositionScores scores : CompositionScores.of(lens, KINDS)) {
        for (Node.Head from : scores.heads()) {
          for (Node.Head to : scores.heads()) {
            boolean own = scores.kind() == Kind.Q;
            int limit = own ? to.layer() : hooks.keysOf(to.layer());
            if (from.layer() >= limit) {
              assertTrue(Double.isNaN(scores.score(from, to)));
              continue;
            }
            double[][] a = all.computeIfAbsent(from, h -> Whole.of(lens, hooks, h)).ov;
            Whole later = all.computeIfAbsent(to, h -> Whole.of(lens, hooks, h));
            double[][] b =
                switch (scores.kind()) {
                  case Q -> later.qk;
                  case K -> transposed(later.qk);
                  case V -> later.ov;
                };
            double expected =
                FactoredMatrixTest.norm(FactoredMatrixTest.product(a, b))
                    / FactoredMatrixTest.norm(a)
                    / FactoredMatrixTest.norm(b);
            assertEquals(expected, scores.score(from, to), 1e-5, from + " " + to);
          }
        }
      }
    }
  }

  @Test
  void virtualHeadsHaveTheNormOfTheirScore() throws IOException {
    try (Model model = open("llama")) {
      Lens lens = Lens.of(model);
      CompositionScores scores = CompositionScores.of(lens, List.of(Kind.V)).getFirst();
      FactoredMatrix earlier = HeadMatrices.of(lens, 0, 1).ov();
      FactoredMatrix later = HeadMatrices.of(lens, 1, 2).ov();
      double expected = earlier.then(later).norm() / earlier.norm() / later.norm();
      assertEquals(expected, scores.score(new Node.Head(0, 1), new Node.Head(1, 2)), 1e-5);
    }
  }

  @Test
  void ranksPairsAndRejectsUnknownHeads() throws IOException {
    try (Model model = open("llama")) {
      Lens lens = Lens.of(model);
      CompositionScores scores = CompositionScores.of(lens, List.of(Kind.K)).getFirst();
      int heads = model.architecture().heads();
      int layers = model.architecture().layers();
      List<Score> ranked = scores.ranked();
      assertEquals(heads * heads * layers * (layers - 1) / 2, ranked.size());
      assertEquals(
          ranked.getFirst().value(),
          scores.score(ranked.getFirst().from(), ranked.getFirst().to()));
      assertTrue(ranked.getFirst().value() >= ranked.getLast().value());
      assertEquals(1 / Math.sqrt(model.architecture().width()), scores.random());
      assertTrue(Double.isNaN(scores.table()[1][0]));
      assertThrows(
          InvalidInputException.class,
          () -> scores.score(new Node.Head(0, 0), new Node.Head(layers, 0)));
    }
  }
}
