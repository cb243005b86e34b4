package dev.vidrio.lens;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.memory.LogitRows;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/**
 * Can the model do a task? Measures the metric of the clean and the corrupted text of each pair:
 * the first thing to know about a data set. Pairs run in batches; each value has the bits of a run
 * of its text alone.
 *
 * @param clean the metric of each clean text
 * @param corrupted the metric of each corrupted text
 * @see "docs/lens/metrics.md"
 */
public record PairMeasure(List<Double> clean, List<Double> corrupted) {
  /** Tokens per step, for texts up to this length. */
  private static final int BATCH = 512;

  /** Maximum rows of logits of a step, which take V floats each. */
  private static final int LOGITS = 32;

  public PairMeasure {
    clean = List.copyOf(clean);
    corrupted = List.copyOf(corrupted);
  }

  /**
   * Runs both texts of all pairs.
   *
   * @throws InvalidInputException if there is no pair, or the model does not support a text
   */
  public static PairMeasure of(Lens lens, List<TextPair> pairs) {
    TextPair.requireFit(lens.model(), pairs);
    return new PairMeasure(
        values(lens, pairs, TextPair::clean), values(lens, pairs, TextPair::corrupted));
  }

  /**
   * Runs both texts of all pairs under interventions: how much of the task is left?
   *
   * @param edits the interventions on a text, given its tokens
   * @throws InvalidInputException if there is no pair, or the model does not support a text or an
   *     intervention
   */
  public static PairMeasure edited(
      Lens lens, List<TextPair> pairs, Function<int[], List<Intervention>> edits) {
    TextPair.requireFit(lens.model(), pairs);
    return new PairMeasure(
        values(lens, pairs, TextPair::clean, edits),
        values(lens, pairs, TextPair::corrupted, edits));
  }

  private static List<Double> values(
      Lens lens,
      List<TextPair> pairs,
      Function<TextPair, int[]> textOf,
      Function<int[], List<Intervention>> edits) {
    List<Double> values = new ArrayList<>();
    for (TextPair pair : pairs) {
      Interruption.check();
      int[] tokens = textOf.apply(pair);
      List<List<Intervention>> one = List.of(edits.apply(tokens));
      values.addAll(Sweep.run(lens, tokens, List.of(), one, pair.forwardMetric()));
    }
    return values;
  }

  private static List<Double> values(
      Lens lens, List<TextPair> pairs, Function<TextPair, int[]> textOf) {
    lens.requireUnedited("measures of pairs");
    int longest = pairs.stream().mapToInt(TextPair::length).max().orElseThrow();
    int read = pairs.stream().mapToInt(p -> p.forwardMetric().positions()).max().orElseThrow();
    int batch = Math.max(BATCH, longest);
    int logits = Math.min(batch, Math.max(LOGITS, read));
    int count = Math.clamp(pairs.size(), 1, Math.clamp(batch / longest, 1, logits / read));
    SessionOptions options = lens.adapted(SessionOptions.exact(longest, batch, count, logits));
    List<Double> values = new ArrayList<>();
    try (Session session = lens.model().newSession(options)) {
      List<Sequence> sequences = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        sequences.add(session.newSequence());
      }
      for (int begin = 0; begin < pairs.size(); begin += count) {
        Interruption.check();
        List<TextPair> step = pairs.subList(begin, Math.min(pairs.size(), begin + count));
        session.begin();
        for (int i = 0; i < step.size(); i++) {
          int[] tokens = textOf.apply(step.get(i));
          int first = tokens.length - step.get(i).forwardMetric().positions();
          sequences.get(i).truncate(0);
          for (int p = 0; p < tokens.length; p++) {
            session.add(sequences.get(i), tokens[p], p >= first);
          }
        }
        session.run();
        int row = 0;
        for (TextPair pair : step) {
          Metric metric = pair.forwardMetric();
          values.add(metric.of(LogitRows.of(session, row, metric.positions())));
          row += metric.positions();
        }
      }
    }
    return values;
  }

  /** Returns the mean of the clean texts. */
  public Estimate cleanMean() {
    return Estimate.of(clean);
  }

  /** Returns the mean of the corrupted texts. */
  public Estimate corruptedMean() {
    return Estimate.of(corrupted);
  }

  /** Returns the mean of the differences between the clean and the corrupted text of a pair. */
  public Estimate difference() {
    var differences = new double[clean.size()];
    Arrays.setAll(differences, i -> clean.get(i) - corrupted.get(i));
    return Estimate.of(differences);
  }
}
