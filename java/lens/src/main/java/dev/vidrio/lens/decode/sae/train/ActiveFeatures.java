package dev.vidrio.lens.decode.sae.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.vector.Vectors;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/** The active features of some tokens, by token and by feature. Immutable. */
public final class ActiveFeatures {
  /** The first size of the memory for the features of a token. */
  private static final int FIRST = 64;

  private final int[][] ids;
  private final float[][] values;

  private final int[] begins;
  private final int[] tokens;
  private final float[] byFeature;

  /**
   * Wraps arrays, which must not be modified, and adds the order of features.
   *
   * @param features number of features
   * @param ids of each token's active features
   * @param values of each token's active features
   * @throws InvalidInputException if a value is not finite
   */
  public ActiveFeatures(int features, int[][] ids, float[][] values) {
    this.ids = ids;
    this.values = values;
    this.begins = new int[features + 1];
    for (int[] row : ids) {
      for (int id : row) {
        begins[id + 1]++;
      }
    }
    for (int f = 0; f < features; f++) {
      begins[f + 1] += begins[f];
    }
    this.tokens = new int[begins[features]];
    this.byFeature = new float[begins[features]];
    int[] next = begins.clone();
    for (int t = 0; t < ids.length; t++) {
      for (int i = 0; i < ids[t].length; i++) {
        float value = values[t][i];
        if (!Float.isFinite(value)) {
          throw new InvalidInputException(
              "activation of feature " + ids[t][i], Float.toString(value), "must be finite");
        }
        int at = next[ids[t][i]]++;
        tokens[at] = t;
        byFeature[at] = value;
      }
    }
  }

  /**
   * Selects features of tokens, in parallel.
   *
   * @param rows values of all features, [n][F]
   * @param select returns the features of a token, ascending
   */
  public static ActiveFeatures of(float[][] rows, IntFunction<int[]> select) {
    var ids = new int[rows.length][];
    var values = new float[rows.length][];
    IntStream.range(0, rows.length)
        .parallel()
        .forEach(
            t -> {
              ids[t] = select.apply(t);
              values[t] = new float[ids[t].length];
              for (int i = 0; i < ids[t].length; i++) {
                values[t][i] = rows[t][ids[t][i]];
              }
            });
    return new ActiveFeatures(rows[0].length, ids, values);
  }

  /** Decides about a feature at a token. */
  @FunctionalInterface
  public interface Selection {
    boolean test(int token, int feature);
  }

  /**
   * Selects features at tokens, in parallel.
   *
   * @param rows values of all features, [n][F]
   */
  public static ActiveFeatures of(float[][] rows, Selection selection) {
    return of(rows, t -> selected(rows[t].length, t, selection));
  }

  private static int[] selected(int features, int token, Selection selection) {
    var selected = new int[FIRST];
    int n = 0;
    for (int f = 0; f < features; f++) {
      if (selection.test(token, f)) {
        selected = n < selected.length ? selected : Arrays.copyOf(selected, 2 * n);
        selected[n++] = f;
      }
    }
    return Arrays.copyOf(selected, n);
  }

  /** Returns the number of pairs of a token and a feature that is active at it. */
  public int size() {
    return tokens.length;
  }

  /** Returns the number of features that are active at a token. */
  public int count(int token) {
    return ids[token].length;
  }

  /** Adds the rows of a matrix, times the values of a token's features, to a sum from an index. */
  public void addTo(int token, float[][] rows, float[] sum, int from) {
    for (int i = 0; i < ids[token].length; i++) {
      float value = values[token][i];
      float[] row = rows[ids[token][i]];
      for (int j = 0; j < row.length; j++) {
        sum[from + j] += value * row[j];
      }
    }
  }

  /** Sets the values of a token's features in a row of all features. */
  void copyTo(int token, MemorySegment row) {
    for (int i = 0; i < ids[token].length; i++) {
      row.setAtIndex(JAVA_FLOAT, ids[token][i], values[token][i]);
    }
  }

  /** Adds the rows of a matrix, times the values of a token's features [begin, end), to a sum. */
  public void addTo(int token, float[][] rows, int begin, int end, float[] sum) {
    for (int i = 0; i < ids[token].length; i++) {
      int id = ids[token][i];
      if (id >= begin && id < end) {
        Vectors.add(sum, values[token][i], rows[id]);
      }
    }
  }

  /** Takes a feature and the index of one of its tokens. */
  @FunctionalInterface
  public interface Action {
    void accept(int feature, int index);
  }

  /**
   * Runs an action for each token of each feature: features in parallel, the tokens of one in
   * order.
   */
  public void forEach(Action action) {
    IntStream.range(0, begins.length - 1)
        .parallel()
        .forEach(
            f -> {
              for (int i = begins[f]; i < begins[f + 1]; i++) {
                action.accept(f, i);
              }
            });
  }

  /** Returns the index of a feature's first token; that of the next feature is its end. */
  public int begin(int feature) {
    return begins[feature];
  }

  /** Returns the token with an index in the order of features. */
  public int token(int i) {
    return tokens[i];
  }

  /** Returns the value with an index in the order of features. */
  public float value(int i) {
    return byFeature[i];
  }

  /** Returns the values times a factor, in the order of features. */
  float[] values(float factor) {
    float[] scaled = byFeature.clone();
    Vectors.scale(scaled, factor);
    return scaled;
  }

  /** Returns whether a feature is active at any token. */
  boolean isActive(int feature) {
    return begins[feature + 1] > begins[feature];
  }
}
