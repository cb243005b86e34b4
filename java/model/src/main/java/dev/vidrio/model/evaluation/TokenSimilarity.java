package dev.vidrio.model.evaluation;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Explains which pairs of tokens make two texts similar. The cosine of two vectors that are means
 * of n and m vectors of tokens, a_i and b_j, is the sum over all pairs of
 *
 * <pre>a_i · b_j / (n m |a| |b|)</pre>
 *
 * <p>so the shares are exact: no approximation, no gradient. Dense layers without an activation
 * function are part of a_i and b_j. A vector of a token depends on its whole text; a share tells
 * where the model holds what both texts have in common.
 *
 * @param cosine the similarity of the embeddings, from −1 to 1
 * @param shares for each of the n tokens of the first text, its contributions with the m tokens of
 *     the second; their sum is the cosine
 * @see "docs/lens/attribution.md"
 */
public record TokenSimilarity(double cosine, List<double[]> shares) {
  /** Copies the list. */
  public TokenSimilarity {
    shares = List.copyOf(shares);
  }

  /**
   * A pair of tokens.
   *
   * @param first position in the first text
   * @param second position in the second text
   * @param share its contribution to the cosine
   */
  public record Pair(int first, int second, double share) {}

  /**
   * Compares two texts.
   *
   * @param first the token ids of a text
   * @param second the token ids of another
   * @throws InvalidInputException if the model does not pool by the mean, has a dense layer with an
   *     activation function, or a text has no tokens or too many
   */
  public static TokenSimilarity of(Model model, int[] first, int[] second) {
    TextHead head = TextHead.embedding(model);
    if (head.pooling() != Pooling.MEAN) {
      throw new InvalidInputException(
          "pooling", head.pooling(), "must be MEAN: tokens have shares of a mean");
    }
    if (!head.isAffine()) {
      throw new InvalidInputException(
          "dense layer", "", "must not have an activation function, since tokens have no shares");
    }
    double[][] a = vectors(model, head, first);
    double[][] b = vectors(model, head, second);
    double divisor = length(a) * length(b);
    List<double[]> shares = new ArrayList<>();
    double cosine = 0;
    for (double[] token : a) {
      var row = new double[b.length];
      for (int j = 0; j < b.length; j++) {
        row[j] = divisor == 0 ? 0 : dot(token, b[j]) / divisor;
        cosine += row[j];
      }
      shares.add(row);
    }
    return new TokenSimilarity(cosine, shares);
  }

  /** Returns the pairs, that with the largest share first. */
  public List<Pair> pairs() {
    List<Pair> pairs = new ArrayList<>();
    for (int i = 0; i < shares.size(); i++) {
      for (int j = 0; j < shares.get(i).length; j++) {
        pairs.add(new Pair(i, j, shares.get(i)[j]));
      }
    }
    pairs.sort(Comparator.comparingDouble(Pair::share).reversed());
    return pairs;
  }

  private static double[][] vectors(Model model, TextHead head, int[] ids) {
    return Arrays.stream(Embeddings.tokens(model, ids))
        .map(row -> wide(head.apply(row)))
        .toArray(double[][]::new);
  }

  private static double[] wide(float[] vector) {
    var wide = new double[vector.length];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = vector[i];
    }
    return wide;
  }

  /** Returns the length of the sum of vectors. */
  private static double length(double[][] vectors) {
    var sum = new double[vectors[0].length];
    for (double[] vector : vectors) {
      for (int i = 0; i < sum.length; i++) {
        sum[i] += vector[i];
      }
    }
    return Math.sqrt(dot(sum, sum));
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }
}
