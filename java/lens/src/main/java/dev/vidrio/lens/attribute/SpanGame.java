package dev.vidrio.lens.attribute;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.Sweep;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * The cooperative game of a text's spans: the value f(S) of a set S of present spans is the metric
 * of the text with all other spans removed, for the next token or for each token of an answer.
 * Tokens outside the spans are always present. It is what {@link ShapleyValues}, {@link
 * KernelShap}, {@link Lime} and {@link Faithfulness} evaluate.
 *
 * <p>Sets are evaluated in batches by {@link Sweep} and remembered. Not thread-safe.
 *
 * @see "docs/lens/answers.md"
 */
public final class SpanGame {
  /** Sets per sweep, which bounds the memory of their interventions. */
  private static final int BATCH = 256;

  private final Lens lens;
  private final int[] tokens;
  private final List<TokenSpan> spans;
  private final List<TokenSpan> outputs;
  private final Removal removal;
  private final List<? extends Metric> metrics;

  /** Number of last tokens after which logits are read. */
  private final int positions;

  private final Map<BitSet, double[]> known = new HashMap<>();

  private SpanGame(
      Lens lens,
      int[] tokens,
      List<TokenSpan> spans,
      List<TokenSpan> outputs,
      Removal removal,
      List<? extends Metric> metrics) {
    Preconditions.requireTokens(lens.model(), tokens);
    TokenSpan.require(spans, tokens.length);
    removal.require(lens);
    this.lens = lens;
    this.tokens = tokens;
    this.spans = List.copyOf(spans);
    this.outputs = outputs;
    this.removal = removal;
    this.metrics = metrics;
    this.positions = metrics.stream().mapToInt(Metric::positions).sum();
  }

  /**
   * Creates the game of the next token after a text.
   *
   * @param tokens BOS is not added
   * @param spans in order, without overlap
   * @throws InvalidInputException if spans overlap or exceed the text, the model does not support
   *     the tokens, or spans are to be hidden and the model mixes tokens by other means than
   *     attention
   */
  public static SpanGame of(
      Lens lens, int[] tokens, List<TokenSpan> spans, Removal removal, Metric metric) {
    List<TokenSpan> next = List.of(new TokenSpan(tokens.length, tokens.length + 1));
    return new SpanGame(lens, tokens.clone(), spans, next, removal, List.of(metric));
  }

  /**
   * Creates the game of all tokens of an answer, which are given: one value per token.
   *
   * @param spans of the text before the last token, in order, without overlap
   * @throws InvalidInputException as for a text
   */
  public static SpanGame of(Lens lens, Answer answer, List<TokenSpan> spans, Removal removal) {
    return new SpanGame(
        lens,
        answer.input(),
        spans,
        TokenSpan.tokens(answer.from(), answer.from() + answer.length()),
        removal,
        answer.metrics());
  }

  /** Returns the spans. */
  public List<TokenSpan> spans() {
    return spans;
  }

  /** Returns the number of spans. */
  public int size() {
    return spans.size();
  }

  /** Returns the number of values of a set: 1, or the number of tokens of the answer. */
  public int rows() {
    return outputs.size();
  }

  /** Returns whether a span begins before the token that a value is of. */
  boolean isBefore(int span, int row) {
    return spans.get(span).from() < outputs.get(row).from();
  }

  /** Returns the number of different sets that were evaluated. */
  public int evaluated() {
    return known.size();
  }

  /** Returns the set of all spans. */
  BitSet all() {
    var all = new BitSet(size());
    all.set(0, size());
    return all;
  }

  /** Returns the value of the whole text, [rows]. */
  public double[] whole() {
    return values(List.of(all()))[0];
  }

  /** Returns the value of the text without any span, [rows]. */
  public double[] empty() {
    return values(List.of(new BitSet()))[0];
  }

  /** Returns the value without each span, [spans][rows]. */
  double[][] oneLess() {
    List<BitSet> sets = new ArrayList<>();
    sets.add(all());
    for (int s = 0; s < size(); s++) {
      BitSet less = all();
      less.clear(s);
      sets.add(less);
    }
    double[][] values = values(sets);
    return Arrays.copyOfRange(values, 1, values.length);
  }

  /**
   * Evaluates sets of present spans.
   *
   * @return [sets][rows]
   */
  public double[][] values(List<BitSet> sets) {
    Set<BitSet> missing = new LinkedHashSet<>();
    for (BitSet set : sets) {
      if (!known.containsKey(set)) {
        missing.add((BitSet) set.clone());
      }
    }
    List<BitSet> order = List.copyOf(missing);
    for (int begin = 0; begin < order.size(); begin += BATCH) {
      List<BitSet> some = order.subList(begin, Math.min(order.size(), begin + BATCH));
      List<List<Intervention>> variants = some.stream().map(this::without).toList();
      List<double[]> values =
          Sweep.run(lens, tokens, List.of(), variants, positions, this::measured);
      for (int i = 0; i < values.size(); i++) {
        known.put(some.get(i), values.get(i));
      }
    }
    return sets.stream()
        .map(set -> Objects.requireNonNull(known.get(set)))
        .toArray(double[][]::new);
  }

  /** Returns the metrics of logits [positions, V], each of its own rows. */
  private double[] measured(MemorySegment logits) {
    long row = logits.byteSize() / rows();
    return IntStream.range(0, rows())
        .mapToDouble(i -> metrics.get(i).of(logits.asSlice(i * row, row)))
        .toArray();
  }

  private List<Intervention> without(BitSet present) {
    List<TokenSpan> removed =
        IntStream.range(0, size()).filter(s -> !present.get(s)).mapToObj(spans::get).toList();
    return removal.of(lens, removed, tokens.length);
  }

  /** Returns the attribution of complete scores, which add up to f(all) − f(none). */
  AnswerAttribution complete(double[][] scores) {
    double[] whole = whole();
    double[] empty = empty();
    var gained = new double[rows()];
    Arrays.setAll(gained, row -> whole[row] - empty[row]);
    return AnswerAttribution.of(spans, outputs, whole, gained, scores);
  }

  /**
   * Returns the attribution of scores.
   *
   * @param explained of all rows
   */
  AnswerAttribution attribution(double[][] scores, double explained) {
    var same = new double[rows()];
    Arrays.fill(same, explained);
    return AnswerAttribution.of(spans, outputs, whole(), same, scores);
  }
}
