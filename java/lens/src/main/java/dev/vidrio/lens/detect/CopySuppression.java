package dev.vidrio.lens.detect;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.component.LogitDirection;
import dev.vidrio.lens.decode.FactoredMatrix;
import dev.vidrio.lens.decode.HeadMatrices;
import dev.vidrio.lens.decode.VocabularyProjection;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.partial.NormValues;
import dev.vidrio.lens.partial.RowPlan;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Copy suppression (McDougall et al. 2023, arXiv 2310.04625): a head finds tokens of the context
 * that the model is about to predict, and lowers their logits. Both halves are measured by the
 * weights alone, over a sample of tokens.
 *
 * <ul>
 *   <li>QK: a query along {@code γ ⊙ W_U[:,t]}, the direction that predicts token t, has its
 *       highest score for the key of t itself. Keys are those of effective embeddings, as in {@link
 *       OvScores}.
 *   <li>OV: t is among the five tokens with the logits that the head lowers most where it attends
 *       to t, the {@link OvScores#negativeCopying} of these tokens.
 * </ul>
 *
 * <p>Biases, norms of queries and keys, and rotary positions are ignored in the QK half, as in
 * {@link HeadMatrices#qk}.
 *
 * @param layer from 0
 * @param head from 0
 * @param attends the fraction of tokens with the QK half: their own key has the highest score of
 *     the keys of all sampled tokens. Expected by chance: 1 / samples
 * @param suppresses the fraction of tokens with the OV half
 * @param both the fraction of tokens with both
 * @see "docs/lens/corpus.md"
 */
public record CopySuppression(int layer, int head, double attends, double suppresses, double both)
    implements ScoredHead {
  /**
   * Scores all heads.
   *
   * @param samples number of tokens, at least 2; at most the size of the vocabulary is used
   * @param seed of their choice
   * @return by layer and head
   * @throws InvalidInputException if queries, keys or values of a layer are not products of the
   *     residual stream, or layers share keys
   */
  public static List<CopySuppression> of(Lens lens, int samples, long seed) {
    Model model = lens.model();
    Preconditions.requireRange("samples", samples, 2, Integer.MAX_VALUE);
    Preconditions.requireOneStream(model, "copy suppression");
    int count = Math.min(samples, HeadDetection.ordinary(model.tokenizer()));
    int[] tokens = HeadDetection.different(model.tokenizer(), new Random(seed), count);
    HookMap hooks = HookMap.of(model);
    var suppressed = new boolean[model.architecture().layers()][][];
    Arrays.setAll(suppressed, l -> new boolean[hooks.heads(l)][count]);
    OvCircuits.logits(
        lens,
        tokens,
        (l, h, i, logits) -> suppressed[l][h][i] = OvScores.isMostLowered(logits, tokens[i]));
    float[][] directions = directions(model, tokens);
    List<CopySuppression> scores = new ArrayList<>();
    for (int l = 0; l < suppressed.length; l++) {
      if (suppressed[l].length > 0) {
        boolean[][] attended = attended(lens, hooks, l, tokens, directions);
        for (int h = 0; h < attended.length; h++) {
          scores.add(of(l, h, attended[h], suppressed[l][h]));
        }
      }
    }
    return List.copyOf(scores);
  }

  private static CopySuppression of(int layer, int head, boolean[] attends, boolean[] suppresses) {
    double n = attends.length;
    return new CopySuppression(
        layer,
        head,
        IntStream.range(0, attends.length).filter(i -> attends[i]).count() / n,
        IntStream.range(0, attends.length).filter(i -> suppresses[i]).count() / n,
        IntStream.range(0, attends.length).filter(i -> attends[i] && suppresses[i]).count() / n);
  }

  /** Returns {@code γ ⊙ W_U[:,t]} of tokens, [n][d]. */
  private static float[][] directions(Model model, int[] tokens) {
    List<Op> ops = model.architecture().plan().ops();
    @Nullable Weights gain = last(ops, Op.Norm.class).gain();
    var directions = new float[tokens.length][];
    try (RowPlan rows = LogitDirection.rows(model, last(ops, Op.MatMul.class).weights(), 1)) {
      for (int i = 0; i < tokens.length; i++) {
        rows.run(new int[] {tokens[i]});
        float[] column = rows.output(0).toArray(JAVA_FLOAT);
        for (int j = 0; gain != null && j < column.length; j++) {
          column[j] *= gain.data().getAtIndex(JAVA_FLOAT, j);
        }
        directions[i] = column;
      }
    }
    return directions;
  }

  private static <T extends Op> T last(List<Op> ops, Class<T> kind) {
    return ops.stream().filter(kind::isInstance).map(kind::cast).reduce((a, b) -> b).orElseThrow();
  }

  /** Returns, for each head and token, whether the token's own key has the highest score. */
  private static boolean[][] attended(
      Lens lens, HookMap hooks, int layer, int[] tokens, float[][] directions) {
    Optional<Op.Norm> norm = hooks.normBefore(new HookPoint(HookSite.Q, layer));
    float[][] queries =
        Arrays.stream(directions)
            .map(x -> norm.map(n -> NormValues.normalized(n, x)).orElse(x))
            .toArray(float[][]::new);
    List<float[]> keys = new ArrayList<>();
    VocabularyProjection.embeddings(lens, layer, tokens, (token, x) -> keys.add(x));
    float[][] embeddings = keys.toArray(float[][]::new);
    List<HeadMatrices> heads = HeadMatrices.of(lens, layer);
    return IntStream.range(0, heads.size())
        .parallel()
        .mapToObj(h -> attended(heads.get(h).qk(), queries, embeddings))
        .toArray(boolean[][]::new);
  }

  private static boolean[] attended(FactoredMatrix qk, float[][] queries, float[][] embeddings) {
    float[][] q = product(queries, MatrixProduct.transposed(qk.left()));
    float[][] k = product(embeddings, qk.right());
    var attended = new boolean[q.length];
    for (int t = 0; t < q.length; t++) {
      double own = Vectors.dot(q[t], k[t]);
      boolean highest = true;
      for (int s = 0; s < k.length && highest; s++) {
        highest = s == t || Vectors.dot(q[t], k[s]) < own;
      }
      attended[t] = highest;
    }
    return attended;
  }

  /** Returns the products of rows x with rows of a matrix, [n][rows of the matrix]. */
  private static float[][] product(float[][] x, float[][] matrix) {
    var y = new float[x.length][matrix.length];
    for (int i = 0; i < x.length; i++) {
      for (int r = 0; r < matrix.length; r++) {
        y[i][r] = (float) Vectors.dot(x[i], matrix[r]);
      }
    }
    return y;
  }
}
