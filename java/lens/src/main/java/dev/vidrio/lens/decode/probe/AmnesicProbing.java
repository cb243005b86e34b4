package dev.vidrio.lens.decode.probe;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.LensSession;
import dev.vidrio.lens.hook.Hook;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.sampling.LogProbability;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Amnesic probing (Elazar et al. 2021, arXiv 2006.00995): what does the model lose when a property
 * is erased from an activation in the forward pass, at all tokens? A probe shows that a property is
 * represented; a loss larger than that of a {@linkplain SubspaceEraser#random random subspace} of
 * equal rank shows that the model uses it.
 *
 * <p>A variant is the callbacks of a forward pass by hook point, such as {@link
 * ConceptEraser#hook}; the empty map is the unchanged model.
 *
 * <p>Means have 95 % intervals over tokens and choices. Works on every architecture with points
 * that can be edited. Memory: the logits of one text, twice, and four numbers per token and
 * variant.
 *
 * @see ConceptEraser
 * @see "docs/lens/probing.md"
 */
public final class AmnesicProbing {
  /** Tokens per step. */
  private static final int BATCH = 512;

  /** Maximum bytes of the logits of a step. */
  private static final long STEP_BYTES = 64L << 20;

  /** The number of measures of a prediction. */
  private static final int MEASURES = 4;

  /** Maximum number of choices per step. */
  private static final int TOGETHER = 32;

  private AmnesicProbing() {}

  /**
   * The model's predictions of the next token at all tokens but the last of each text.
   *
   * @param loss −log p of the next token, in nats
   * @param lossIncrease the loss minus that of the unchanged model at the same tokens, which has a
   *     much narrower interval
   * @param accuracy the fraction of next tokens that are the most likely ones
   * @param divergence KL(model ‖ variant) in nats
   */
  public record Prediction(
      Estimate loss, Estimate lossIncrease, Estimate accuracy, Estimate divergence) {}

  /**
   * A text with two next tokens.
   *
   * @param tokens of the text
   * @param answer the right next token
   * @param wrong another token
   */
  public record Choice(List<Integer> tokens, int answer, int wrong) {
    public Choice {
      tokens = List.copyOf(tokens);
    }
  }

  /**
   * The model's preferences between the two tokens of choices.
   *
   * @param accuracy the fraction of choices in which the answer is more likely
   * @param difference logit difference
   */
  public record Preference(Estimate accuracy, Estimate difference) {}

  /**
   * Measures predictions on texts under each variant.
   *
   * @param texts token ids of each, at least two
   * @throws dev.vidrio.error.InvalidInputException if there are no texts, the model does not
   *     support one, or a point cannot be edited
   */
  public static List<Prediction> predictions(
      Lens lens, List<int[]> texts, List<Map<HookPoint, Hook>> variants) {
    Preconditions.require(!texts.isEmpty(), "texts", "", "must be at least 1");
    for (int[] tokens : texts) {
      Preconditions.requireTokens(lens.model(), tokens);
      Preconditions.require(
          tokens.length > 1, "text", tokens.length + " tokens", "must have at least 2");
    }
    int longest = texts.stream().mapToInt(tokens -> tokens.length).max().orElseThrow();
    int count = texts.stream().mapToInt(tokens -> tokens.length - 1).sum();
    var values = new double[variants.size()][MEASURES][count];
    int vocabulary = lens.model().architecture().vocabulary();
    int rows = Math.clamp(STEP_BYTES / Float.BYTES / vocabulary, 1, Math.min(BATCH, longest));
    var options = SessionOptions.exact(longest, rows, 1, rows);
    try (LensSession session = open(lens, options, variants)) {
      Sequence sequence = session.newSequence();
      int first = 0;
      for (int[] tokens : texts) {
        session.hooks(Map.of());
        var base = new Row[tokens.length - 1];
        run(session, sequence, tokens, (i, logits) -> base[i] = Row.of(logits));
        for (int v = 0; v < values.length; v++) {
          session.hooks(variants.get(v));
          var results = new double[base.length][];
          run(
              session,
              sequence,
              tokens,
              (i, logits) -> results[i] = base[i].compare(logits, tokens[i + 1]));
          for (int i = 0; i < results.length; i++) {
            for (int k = 0; k < MEASURES; k++) {
              values[v][k][first + i] = results[i][k];
            }
          }
        }
        first += base.length;
      }
    }
    return Arrays.stream(values)
        .map(
            of ->
                new Prediction(
                    Estimate.of(of[0]), Estimate.of(of[1]), Estimate.of(of[2]), Estimate.of(of[3])))
        .toList();
  }

  private static LensSession open(
      Lens lens, SessionOptions options, List<Map<HookPoint, Hook>> variants) {
    String names =
        String.join(
            ",",
            variants.stream()
                .flatMap(variant -> variant.keySet().stream())
                .distinct()
                .map(HookPoint::name)
                .toList());
    return names.isEmpty()
        ? lens.open(Capture.NONE, options)
        : lens.open(Capture.NONE, options, names);
  }

  /** Reads the logits [V] after the token at a position; called by several threads. */
  @FunctionalInterface
  private interface Reader {
    void at(int position, MemorySegment logits);
  }

  /** Runs a text and reads the logits after all tokens but the last. */
  private static void run(LensSession session, Sequence sequence, int[] tokens, Reader reader) {
    sequence.truncate(0);
    int rows = session.limits().tokens();
    for (int from = 0; from < tokens.length - 1; from += rows) {
      int first = from;
      int to = Math.min(tokens.length - 1, from + rows);
      session.begin();
      for (int i = from; i < to; i++) {
        session.add(sequence, tokens[i], true);
      }
      session.run();
      List<MemorySegment> logits = IntStream.range(0, to - from).mapToObj(session::logits).toList();
      IntStream.range(from, to).parallel().forEach(i -> reader.at(i, logits.get(i - first)));
    }
  }

  /** The unchanged model's prediction at a token: logits and probabilities [V]. */
  private static final class Row {
    final float[] logits;
    final float[] probabilities;
    final double logSum;

    Row(float[] logits, float[] probabilities, double logSum) {
      this.logits = logits;
      this.probabilities = probabilities;
      this.logSum = logSum;
    }

    static Row of(MemorySegment segment) {
      float[] logits = segment.toArray(JAVA_FLOAT);
      double logSum = LogProbability.logSum(segment);
      var probabilities = new float[logits.length];
      for (int w = 0; w < logits.length; w++) {
        probabilities[w] = (float) Math.exp(logits[w] - logSum);
      }
      return new Row(logits, probabilities, logSum);
    }

    /**
     * Returns the loss of a variant, its increase, 1 if its prediction is right or else 0, and KL.
     */
    double[] compare(MemorySegment segment, int next) {
      float[] own = segment.toArray(JAVA_FLOAT);
      double ownSum = LogProbability.logSum(segment);
      int best = 0;
      double difference = 0;
      double total = 0;
      for (int w = 0; w < own.length; w++) {
        best = own[w] > own[best] ? w : best;
        difference += probabilities[w] * ((double) logits[w] - own[w]);
        total += probabilities[w];
      }
      double loss = ownSum - own[next];
      return new double[] {
        loss,
        loss - (logSum - logits[next]),
        best == next ? 1 : 0,
        difference / total - logSum + ownSum
      };
    }
  }

  /**
   * Measures preferences under each variant.
   *
   * @throws dev.vidrio.error.InvalidInputException if there are no choices, the model does not
   *     support one, or a point cannot be edited
   */
  public static List<Preference> preferences(
      Lens lens, List<Choice> choices, List<Map<HookPoint, Hook>> variants) {
    Preconditions.require(!choices.isEmpty(), "choices", "", "must be at least 1");
    for (Choice choice : choices) {
      Preconditions.requireTokens(
          lens.model(), choice.tokens.stream().mapToInt(Integer::intValue).toArray());
      Preconditions.requireToken(lens.model(), choice.answer);
      Preconditions.requireToken(lens.model(), choice.wrong);
    }
    int longest = choices.stream().mapToInt(choice -> choice.tokens.size()).max().orElseThrow();
    int together = Math.clamp(BATCH / longest, 1, Math.min(TOGETHER, choices.size()));
    var options =
        SessionOptions.exact(longest, Math.max(longest, together * longest), together, together);
    List<Preference> preferences = new ArrayList<>();
    try (LensSession session = open(lens, options, variants)) {
      List<Sequence> sequences =
          IntStream.range(0, together).mapToObj(ignored -> session.newSequence()).toList();
      for (Map<HookPoint, Hook> variant : variants) {
        session.hooks(variant);
        var right = new double[choices.size()];
        var all = new double[choices.size()];
        for (int from = 0; from < choices.size(); from += together) {
          List<Choice> step = choices.subList(from, Math.min(choices.size(), from + together));
          double[] differences = differences(session, sequences, step);
          for (int i = 0; i < differences.length; i++) {
            all[from + i] = differences[i];
            right[from + i] = differences[i] > 0 ? 1 : 0;
          }
        }
        preferences.add(new Preference(Estimate.of(right), Estimate.of(all)));
      }
    }
    return preferences;
  }

  /** Returns the logit differences of the choices of a step. */
  private static double[] differences(
      LensSession session, List<Sequence> sequences, List<Choice> step) {
    session.begin();
    for (int i = 0; i < step.size(); i++) {
      Sequence sequence = sequences.get(i);
      sequence.truncate(0);
      List<Integer> tokens = step.get(i).tokens;
      for (int p = 0; p < tokens.size(); p++) {
        session.add(sequence, tokens.get(p), p == tokens.size() - 1);
      }
    }
    session.run();
    return IntStream.range(0, step.size())
        .mapToDouble(
            i -> {
              MemorySegment logits = session.logits(i);
              return (double) logits.getAtIndex(JAVA_FLOAT, step.get(i).answer)
                  - logits.getAtIndex(JAVA_FLOAT, step.get(i).wrong);
            })
        .toArray();
  }
}
