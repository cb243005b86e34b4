package dev.vidrio.model.evaluation;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.DoubleConsumer;

/** Computes text embeddings [d]: the residual stream after the final norm, pooled over tokens. */
public final class Embeddings {
  private Embeddings() {}

  /** Combines the vectors of all tokens into one. */
  public enum Pooling {
    /** The mean of all tokens. */
    MEAN,
    /** The last token, which attends to all others. */
    LAST
  }

  /**
   * Embeds texts, several per step.
   *
   * @param texts the token ids of each text, including BOS if the model expects it
   * @param normalize if true, vectors are divided by their Euclidean length
   * @param progress receives the fraction done
   * @return a vector [d] for each text
   * @throws InvalidInputException if a text has no tokens or exceeds the model's context length
   */
  public static List<float[]> of(
      Model model, List<int[]> texts, Pooling pooling, boolean normalize, DoubleConsumer progress) {
    return of(model, texts, pooling, normalize, SessionOptions.DEFAULT, progress);
  }

  /**
   * Embeds texts with session options.
   *
   * @param options the adapter, the element type of the cache and {@code fast}; sizes are ignored
   */
  public static List<float[]> of(
      Model model,
      List<int[]> texts,
      Pooling pooling,
      boolean normalize,
      SessionOptions options,
      DoubleConsumer progress) {
    int declared = model.architecture().contextLength();
    List<RowEvaluator.Input> inputs = new ArrayList<>();
    for (int i = 0; i < texts.size(); i++) {
      int n = texts.get(i).length;
      if (n == 0 || n > declared) {
        throw new InvalidInputException(
            "text " + i, n + " tokens", "must have 1 to " + declared + " tokens");
      }
      inputs.add(new RowEvaluator.Input(texts.get(i), pooling == Pooling.MEAN ? 0 : n - 1));
    }
    int width = model.architecture().width();
    double[][] sums = new double[texts.size()][width];
    RowEvaluator.run(
        model,
        new RowEvaluator.Output(Embeddings::hidden, width, true),
        inputs,
        options,
        (i, position, row) -> add(sums[i], row),
        progress);
    List<float[]> embeddings = new ArrayList<>();
    for (int i = 0; i < sums.length; i++) {
      int count = inputs.get(i).rows();
      embeddings.add(scaled(sums[i], normalize ? length(sums[i]) : count));
    }
    return embeddings;
  }

  /** Returns the plan up to the final norm, whose values are the output. */
  private static Plan hidden(Plan plan) {
    List<Op> ops = plan.ops();
    for (int last = ops.size() - 1; last >= 0; last--) {
      if (ops.get(last) instanceof Op.Norm norm) {
        return new Plan(ops.subList(0, last + 1), plan.kv(), Set.of(norm.y()));
      }
    }
    throw new IllegalStateException("the plan has no final norm");
  }

  private static void add(double[] sum, MemorySegment row) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += row.getAtIndex(JAVA_FLOAT, i);
    }
  }

  private static double length(double[] vector) {
    double sum = 0;
    for (double value : vector) {
      sum += value * value;
    }
    return Math.sqrt(sum);
  }

  private static float[] scaled(double[] vector, double divisor) {
    var result = new float[vector.length];
    for (int i = 0; i < result.length; i++) {
      result[i] = (float) (divisor == 0 ? vector[i] : vector[i] / divisor);
    }
    return result;
  }
}
