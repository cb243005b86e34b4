package dev.vidrio.lens.circuit;

import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.TextPair;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Pairs of texts that run in one step, each without the prefix that its texts share. */
final class PairBatch {
  /** Rows per step, unless a text has more. */
  static final int ROWS = 96;

  /** Pairs per step. */
  private static final int PAIRS = 32;

  private final List<TextPair> pairs;
  private final int[] prefixes;
  private final int[] rows;

  private PairBatch(List<TextPair> pairs, int[] prefixes, int[] rows) {
    this.pairs = pairs;
    this.prefixes = prefixes;
    this.rows = rows;
  }

  /**
   * Divides pairs into batches.
   *
   * @param skip whether prefixes run separately; otherwise they are part of the rows
   */
  static List<PairBatch> of(List<TextPair> pairs, boolean skip) {
    List<PairBatch> batches = new ArrayList<>();
    List<TextPair> next = new ArrayList<>();
    int rows = 0;
    for (TextPair pair : pairs) {
      int length = pair.length() - (skip ? pair.commonPrefix() : 0);
      if (!next.isEmpty() && (rows + length > ROWS || next.size() == PAIRS)) {
        batches.add(batch(next, skip));
        next.clear();
        rows = 0;
      }
      next.add(pair);
      rows += length;
    }
    batches.add(batch(next, skip));
    return batches;
  }

  private static PairBatch batch(List<TextPair> pairs, boolean skip) {
    int[] prefixes = pairs.stream().mapToInt(pair -> skip ? pair.commonPrefix() : 0).toArray();
    var rows = new int[pairs.size() + 1];
    for (int i = 0; i < prefixes.length; i++) {
      rows[i + 1] = rows[i] + pairs.get(i).length() - prefixes[i];
    }
    return new PairBatch(List.copyOf(pairs), prefixes, rows);
  }

  /** Returns the length of a pair's prefix. */
  int prefix(int pair) {
    return prefixes[pair];
  }

  /** Returns the row of a pair's first token after its prefix. */
  int row(int pair) {
    return rows[pair];
  }

  /** Returns the number of pairs. */
  int size() {
    return pairs.size();
  }

  /** Returns the number of rows. */
  int rowCount() {
    return rows[size()];
  }

  /** Returns the number of rows of a pair. */
  int length(int i) {
    return rows[i + 1] - rows[i];
  }

  /** Returns the common tokens of each pair. */
  List<int[]> prefixTokens() {
    return IntStream.range(0, size())
        .mapToObj(i -> Arrays.copyOf(pairs.get(i).clean(), prefixes[i]))
        .toList();
  }

  /** Returns the tokens of each clean text after the prefix. */
  List<int[]> clean() {
    return IntStream.range(0, size()).mapToObj(i -> rest(pairs.get(i).clean(), i)).toList();
  }

  /** Returns the tokens of each corrupted text after the prefix. */
  List<int[]> corrupted() {
    return IntStream.range(0, size()).mapToObj(i -> rest(pairs.get(i).corrupted(), i)).toList();
  }

  private int[] rest(int[] tokens, int i) {
    return Arrays.copyOfRange(tokens, prefixes[i], tokens.length);
  }

  /** Returns the metric of each pair, for its gradient. */
  List<DifferentiableMetric> differentiable() {
    return pairs.stream().map(TextPair::metric).toList();
  }

  /** Returns the metric of each pair. */
  List<Metric> metrics() {
    return pairs.stream().map(TextPair::forwardMetric).toList();
  }

  /** Returns the number of last tokens of each text after which its metric reads logits. */
  int[] logits() {
    return metrics().stream().mapToInt(Metric::positions).toArray();
  }

  /** Returns the maximum number of rows of logits of a batch. */
  static int mostLogits(List<PairBatch> batches) {
    return batches.stream().mapToInt(batch -> Arrays.stream(batch.logits()).sum()).max().orElse(1);
  }

  /** Returns the maximum number of rows of a batch. */
  static int mostRows(List<PairBatch> batches) {
    return batches.stream().mapToInt(PairBatch::rowCount).max().orElse(1);
  }

  /** Returns the maximum number of pairs of a batch. */
  static int mostPairs(List<PairBatch> batches) {
    return batches.stream().mapToInt(PairBatch::size).max().orElse(1);
  }

  /** Returns the maximum rows of a pair. */
  static int longest(List<PairBatch> batches) {
    return batches.stream()
        .flatMapToInt(batch -> IntStream.range(0, batch.size()).map(batch::length))
        .max()
        .orElse(1);
  }

  /** Returns the length of the longest text, with its prefix. */
  static int positions(List<PairBatch> batches) {
    return batches.stream()
        .flatMap(batch -> batch.pairs.stream())
        .mapToInt(TextPair::length)
        .max()
        .orElse(1);
  }
}
