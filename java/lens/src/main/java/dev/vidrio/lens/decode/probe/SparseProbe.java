package dev.vidrio.lens.decode.probe;

import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A probe of few elements of an activation (Gurnee et al. 2023, arXiv 2305.01610): how many neurons
 * does it take to recognize a class? The k elements with the largest F statistic of the analysis of
 * variance,
 *
 * <pre>F_j = (Σ_c n_c (m_cj − m_j)² / (C − 1)) / (Σ_i (x_ij − m_{y_i j})² / (n − C))</pre>
 *
 * are the input of logistic regression.
 *
 * @see "docs/lens/probing.md"
 */
public final class SparseProbe implements Probe {
  private final int[] elements;
  private final LinearProbe probe;

  private SparseProbe(int[] elements, LinearProbe probe) {
    this.elements = elements;
    this.probe = probe;
  }

  /**
   * Fits a probe of k elements.
   *
   * @param k 1 to d
   * @param l2 penalty of {@link LinearProbe#logistic}, above 0
   */
  public static SparseProbe fit(Executor executor, Examples examples, int k, double l2) {
    Preconditions.requireRange("elements", k, 1, examples.width());
    double[] f = fStatistics(examples);
    int[] chosen =
        IntStream.range(0, f.length)
            .boxed()
            .sorted(Comparator.comparingDouble((Integer j) -> -f[j]))
            .limit(k)
            .mapToInt(Integer::intValue)
            .toArray();
    float[][] rows =
        Arrays.stream(examples.rows()).map(row -> select(row, chosen)).toArray(float[][]::new);
    return new SparseProbe(chosen, LinearProbe.logistic(executor, examples.withRows(rows), l2));
  }

  private static float[] select(float[] row, int[] which) {
    var selected = new float[which.length];
    for (int k = 0; k < which.length; k++) {
      selected[k] = row[which[k]];
    }
    return selected;
  }

  /**
   * Returns the F statistic of each element, [d]: infinite if the classes determine it, 0 if it is
   * constant.
   */
  public static double[] fStatistics(Examples examples) {
    int d = examples.width();
    int n = examples.size();
    var counts = new int[examples.classes()];
    var means = new double[examples.classes()][d];
    var mean = new double[d];
    for (int i = 0; i < n; i++) {
      counts[examples.label(i)]++;
      for (int j = 0; j < d; j++) {
        means[examples.label(i)][j] += examples.row(i)[j];
        mean[j] += examples.row(i)[j] / (double) n;
      }
    }
    for (int c = 0; c < counts.length; c++) {
      for (int j = 0; j < d; j++) {
        means[c][j] /= Math.max(1, counts[c]);
      }
    }
    var within = new double[d];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < d; j++) {
        double distance = examples.row(i)[j] - means[examples.label(i)][j];
        within[j] += distance * distance;
      }
    }
    long present = Arrays.stream(counts).filter(count -> count > 0).count();
    var f = new double[d];
    for (int j = 0; j < d; j++) {
      double between = 0;
      for (int c = 0; c < counts.length; c++) {
        between += counts[c] * (means[c][j] - mean[j]) * (means[c][j] - mean[j]);
      }
      double spread = within[j] == 0 ? 0 : within[j] / (n - present);
      f[j] = between == 0 ? 0 : between / (present - 1) / spread;
    }
    return f;
  }

  /** Returns the elements that the probe reads, the most distinctive first. */
  public List<Integer> elements() {
    return Arrays.stream(elements).boxed().toList();
  }

  @Override
  public int classes() {
    return probe.classes();
  }

  @Override
  public double[] scores(float[] x) {
    return probe.scores(select(x, elements));
  }
}
