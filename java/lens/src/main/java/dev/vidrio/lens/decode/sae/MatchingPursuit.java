package dev.vidrio.lens.decode.sae;

import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Writes an activation as a sum of directions, one after another: each step selects the direction
 * d_f with the largest product with the residual r, adds the product to the value of f, and
 * subtracts {@code (r · d_f) d_f} from the residual (Mallat and Zhang 1993; as the encoder of an
 * autoencoder, Costa et al. 2025, arXiv 2506.03093). It stops if no product is positive.
 *
 * @param residual norm of the residual below which the steps stop; 0 for none
 * @param iterations maximum number of steps, 1 or more
 * @param stopsAtRepeats whether a step is the last if its feature was selected before
 */
public record MatchingPursuit(double residual, int iterations, boolean stopsAtRepeats) {
  public MatchingPursuit {
    Preconditions.requireNotNegative("residual", residual);
    Preconditions.requirePositive("iterations", iterations);
  }

  /**
   * Runs the steps for activations, in parallel.
   *
   * @param residuals the activations, [n][d], which become what the steps leave
   * @param directions of features, [F][d]
   * @param product returns the products of rows with all directions, [rows][F]
   */
  List<Selected> run(float[][] residuals, float[][] directions, UnaryOperator<float[][]> product) {
    List<Selected> all = Stream.generate(Selected::new).limit(residuals.length).toList();
    int[] open = IntStream.range(0, residuals.length).toArray();
    for (int i = 0; i < iterations && open.length > 0; i++) {
      int[] rows = open;
      float[][] products =
          product.apply(Arrays.stream(rows).mapToObj(r -> residuals[r]).toArray(float[][]::new));
      var goesOn = new boolean[rows.length];
      IntStream.range(0, rows.length)
          .parallel()
          .forEach(
              j -> goesOn[j] = step(all.get(rows[j]), products[j], residuals[rows[j]], directions));
      open = IntStream.range(0, rows.length).filter(j -> goesOn[j]).map(j -> rows[j]).toArray();
    }
    return all;
  }

  /** Runs a step and returns whether another one may follow. */
  private boolean step(
      Selected selected, float[] products, float[] residual, float[][] directions) {
    int feature = Vectors.largest(products, 1)[0];
    float value = (float) Vectors.dot(residual, directions[feature]);
    if (!(value > 0)) {
      return false;
    }
    boolean repeats = selected.contains(feature);
    selected.add(feature, value);
    Vectors.add(residual, -value, directions[feature]);
    return !(stopsAtRepeats && repeats) && !(residual() > 0 && Vectors.norm(residual) < residual());
  }

  /** The features that the steps of an activation selected, in order. */
  static final class Selected {
    /** The first size of the memory. */
    private static final int FIRST = 16;

    private int[] features = new int[FIRST];
    private float[] values = new float[FIRST];
    private int count;

    private void add(int feature, float value) {
      if (count == features.length) {
        features = Arrays.copyOf(features, 2 * count);
        values = Arrays.copyOf(values, 2 * count);
      }
      features[count] = feature;
      values[count++] = value;
    }

    private boolean contains(int feature) {
      return IntStream.range(0, count).anyMatch(step -> features[step] == feature);
    }

    /** Returns the number of steps. */
    int count() {
      return count;
    }

    /** Returns the feature that a step selected. */
    int feature(int step) {
      return features[step];
    }

    /** Returns what each step added. */
    float[] values() {
      return Arrays.copyOf(values, count);
    }

    /** Returns what a step added to the value of its feature, above 0. */
    float value(int step) {
      return values[step];
    }
  }
}
