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
  /** The number of tokens for which one task selects features. */
  private static final int TOKENS = 16;

  /** The number of features for which one task collects tokens. */
  private static final int FEATURES = 512;

  private final int[][] ids;
  private final float[][] values;

  private final int[] begins;
  private final int[] tokens;
  private final float[] byFeature;

  /**
   * Wraps arrays, which must not be modified, and adds the order of features.
   *
   * @param features number of features
   * @param ids of each token's active features, ascending
   * @param values of each token's active features
   * @throws InvalidInputException if a value is not finite
   */
  public ActiveFeatures(int features, int[][] ids, float[][] values) {
    this.ids = ids;
    this.values = values;
    this.begins = new int[features + 1];
    inParts(features, this::count);
    for (int f = 0; f < features; f++) {
      begins[f + 1] += begins[f];
    }
    this.tokens = new int[begins[features]];
    this.byFeature = new float[begins[features]];
    inParts(features, this::fill);
  }

  /** Processes features in parts, in parallel. */
  private static void inParts(int features, Part part) {
    IntStream.range(0, Math.ceilDiv(features, FEATURES))
        .parallel()
        .forEach(i -> part.process(i * FEATURES, Math.min(features, (i + 1) * FEATURES)));
  }

  /** A part of an operation on features. */
  private interface Part {
    /** Processes the features [from, to). */
    void process(int from, int to);
  }

  /** Counts the tokens of features, each in the place after its own. */
  private void count(int from, int to) {
    for (int[] row : ids) {
      for (int i = first(row, from); i < row.length && row[i] < to; i++) {
        begins[row[i] + 1]++;
      }
    }
  }

  /** Sets the tokens and values of features. */
  private void fill(int from, int to) {
    int[] next = Arrays.copyOfRange(begins, from, to);
    for (int t = 0; t < ids.length; t++) {
      int[] row = ids[t];
      for (int i = first(row, from); i < row.length && row[i] < to; i++) {
        float value = values[t][i];
        if (!Float.isFinite(value)) {
          throw new InvalidInputException(
              "activation of feature " + row[i], Float.toString(value), "must be finite");
        }
        int at = next[row[i] - from]++;
        tokens[at] = t;
        byFeature[at] = value;
      }
    }
  }

  /** Returns the index of the first feature of a token that is not before {@code from}. */
  private static int first(int[] row, int from) {
    int found = Arrays.binarySearch(row, from);
    return found < 0 ? -found - 1 : found;
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
              values[t] = valuesOf(rows[t], ids[t]);
            });
    return new ActiveFeatures(rows[0].length, ids, values);
  }

  /** Selects features of tokens. */
  @FunctionalInterface
  public interface Selection {
    /** Writes the features of a token to an array [F], ascending, and returns their number. */
    int select(int token, int[] features);
  }

  /**
   * Selects features of tokens, in parallel. Loops without a branch for each feature are several
   * times faster than with one, which is often predicted wrongly.
   *
   * @param rows values of all features, [n][F]
   */
  public static ActiveFeatures of(float[][] rows, Selection selection) {
    var ids = new int[rows.length][];
    var values = new float[rows.length][];
    IntStream.range(0, Math.ceilDiv(rows.length, TOKENS))
        .parallel()
        .forEach(
            part -> {
              var features = new int[rows[0].length];
              int end = Math.min(rows.length, (part + 1) * TOKENS);
              for (int t = part * TOKENS; t < end; t++) {
                ids[t] = Arrays.copyOf(features, selection.select(t, features));
                values[t] = valuesOf(rows[t], ids[t]);
              }
            });
    return new ActiveFeatures(rows[0].length, ids, values);
  }

  private static float[] valuesOf(float[] row, int[] ids) {
    var values = new float[ids.length];
    for (int i = 0; i < ids.length; i++) {
      values[i] = row[ids[i]];
    }
    return values;
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

  /**
   * Copies the elements of a feature's tokens from a row of all tokens, in the order of features.
   */
  void copyFrom(int feature, MemorySegment row, float[] values) {
    for (int i = begins[feature]; i < begins[feature + 1]; i++) {
      values[i] = row.getAtIndex(JAVA_FLOAT, tokens[i]);
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
    forEachFeature(
        (f, begin, end) -> {
          for (int i = begin; i < end; i++) {
            action.accept(f, i);
          }
        });
  }

  /** Takes a feature and the indices [begin, end) of its tokens. */
  @FunctionalInterface
  public interface FeatureAction {
    void accept(int feature, int begin, int end);
  }

  /** Runs an action for each feature, in parallel. */
  public void forEachFeature(FeatureAction action) {
    IntStream.range(0, begins.length - 1)
        .parallel()
        .forEach(f -> action.accept(f, begins[f], begins[f + 1]));
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
