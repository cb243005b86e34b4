package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.model.sampling.LogProbability;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The divergence of predictions from given ones: {@link Metric#divergence(float[], int)}. */
final class PredictionDivergence implements DifferentiableMetric {
  private final float[] truth;
  private final int vocabulary;

  /** The logarithm of the sum of exponentials of each row. */
  private final double[] logSums;

  PredictionDivergence(float[] truth, int positions) {
    this.truth = truth.clone();
    this.vocabulary = truth.length / positions;
    this.logSums = new double[positions];
    Arrays.setAll(logSums, r -> LogProbability.logSum(row(MemorySegment.ofArray(truth), r)));
  }

  private MemorySegment row(MemorySegment logits, int row) {
    return logits.asSlice(4L * row * vocabulary, 4L * vocabulary);
  }

  @Override
  public int positions() {
    return logSums.length;
  }

  @Override
  public double of(MemorySegment logits, MemorySegment gradient) {
    double divergence = 0;
    for (int r = 0; r < logSums.length; r++) {
      MemorySegment row = row(logits, r);
      MemorySegment slope = row(gradient, r);
      double logSum = LogProbability.logSum(row);
      for (int w = 0; w < vocabulary; w++) {
        double logTruth = truth[r * vocabulary + w] - logSums[r];
        double log = row.getAtIndex(JAVA_FLOAT, w) - logSum;
        double p = Math.exp(logTruth);
        divergence += p == 0 ? 0 : p * (logTruth - log);
        slope.setAtIndex(JAVA_FLOAT, w, (float) (Math.exp(log) - p));
      }
    }
    return divergence;
  }
}
