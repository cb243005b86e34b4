package dev.vidrio.lens.inspect;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The comparison of two models on one text: where do they differ? After each token it has the
 * divergence of their distributions, the probabilities of the most likely tokens of both, and those
 * of the token that follows. The models may be two files with one vocabulary, such as two
 * quantizations, or one model without and with an adapter or edits.
 *
 * {@snippet file="inspect/PredictionComparisonTest.java" region="compare"}
 *
 * <p>Methods are thread-safe; logits are in memory for up to 64 MiB of each model.
 *
 * @param tokens the text
 * @param from the position of the first cell
 * @param cells by position
 * @see "docs/server/lens.md"
 */
public record PredictionComparison(List<Integer> tokens, int from, List<Cell> cells) {
  /** Maximum number of a model's logits in memory. */
  private static final int LOGITS = 1 << 24;

  private static final double LN_2 = Math.log(2);

  /**
   * The predictions of both models after a token.
   *
   * @param divergence KL(model ‖ other) in bits
   * @param top the most likely tokens of each model, by the larger of their two probabilities
   * @param next the token that follows in the text; null after the last one
   */
  public record Cell(double divergence, List<Candidate> top, @Nullable Candidate next) {
    public Cell {
      top = List.copyOf(top);
    }
  }

  /**
   * A token with its probabilities, from 0 to 1.
   *
   * @param probability of the model
   * @param other of the other model
   */
  public record Candidate(int token, double probability, double other) {}

  public PredictionComparison {
    tokens = List.copyOf(tokens);
    cells = List.copyOf(cells);
  }

  /**
   * Runs both models on a text and compares their predictions.
   *
   * @param tokens BOS is not added
   * @param from the first position to compare
   * @param k number of the most likely tokens of each model, at least 1
   * @throws InvalidInputException if the vocabularies differ, a model does not support the tokens,
   *     or a number is out of range
   */
  public static PredictionComparison of(Lens lens, Lens other, int[] tokens, int from, int k) {
    requireSameVocabulary(lens.model(), other.model());
    Preconditions.requireTokens(lens.model(), tokens);
    Preconditions.requirePosition(tokens, from);
    Preconditions.requirePositive("tokens of a cell", k);
    int rows = Math.max(1, LOGITS / lens.model().architecture().vocabulary());
    return of(lens, other, tokens, from, k, rows);
  }

  /**
   * Compares predictions in parts.
   *
   * @param rows maximum positions of a part
   */
  static PredictionComparison of(Lens lens, Lens other, int[] tokens, int from, int k, int rows) {
    String hook = HookPoint.of(HookSite.LOGITS).name();
    List<Cell> cells = new ArrayList<>();
    for (int begin = from; begin < tokens.length; begin += rows) {
      int first = begin;
      int end = Math.min(tokens.length, begin + rows);
      int[] text = Arrays.copyOf(tokens, end);
      Capture capture = Capture.of(hook).positions(begin, end);
      try (ActivationCache own = lens.run(text, capture);
          ActivationCache theirs = other.run(text, capture)) {
        Activation a = own.get(HookSite.LOGITS);
        Activation b = theirs.get(HookSite.LOGITS);
        cells.addAll(
            IntStream.range(0, end - begin)
                .parallel()
                .mapToObj(i -> cell(a.row(i), b.row(i), next(tokens, first + i), k))
                .toList());
      }
    }
    return new PredictionComparison(Arrays.stream(tokens).boxed().toList(), from, cells);
  }

  private static void requireSameVocabulary(Model model, Model other) {
    if (model == other) {
      return;
    }
    int size = model.architecture().vocabulary();
    int others = other.architecture().vocabulary();
    Preconditions.require(
        size == others, "vocabulary of the other model", others, "must have " + size + " tokens");
    Tokenizer tokenizer = model.tokenizer();
    Tokenizer otherTokenizer = other.tokenizer();
    for (int id = 0; id < size; id++) {
      String piece = tokenizer.piece(id);
      Preconditions.require(
          piece.equals(otherTokenizer.piece(id)),
          "token " + id + " of the other model",
          otherTokenizer.piece(id),
          "must be '" + piece + "'");
    }
  }

  /** Returns the token after a position, or −1. */
  private static int next(int[] tokens, int position) {
    return position + 1 < tokens.length ? tokens[position + 1] : -1;
  }

  private static Cell cell(float[] logits, float[] others, int next, int k) {
    double[] own = Vectors.logProbabilities(logits);
    double[] theirs = Vectors.logProbabilities(others);
    double divergence = 0;
    for (int w = 0; w < own.length; w++) {
      divergence += Math.exp(own[w]) * (own[w] - theirs[w]);
    }
    List<Candidate> top =
        IntStream.concat(
                IntStream.of(Vectors.largest(logits, k)), IntStream.of(Vectors.largest(others, k)))
            .distinct()
            .mapToObj(token -> candidate(token, own, theirs))
            .sorted(Comparator.comparingDouble(one -> -Math.max(one.probability, one.other)))
            .toList();
    return new Cell(
        Math.max(0, divergence) / LN_2, top, next < 0 ? null : candidate(next, own, theirs));
  }

  private static Candidate candidate(int token, double[] own, double[] theirs) {
    return new Candidate(token, Math.exp(own[token]), Math.exp(theirs[token]));
  }
}
