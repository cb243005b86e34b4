package dev.vidrio.lens.decode.sae.index;

import dev.vidrio.lens.decode.sae.ActiveTokens;
import dev.vidrio.lens.decode.sae.index.FeatureRecord.Quantile;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Sums over the activations of a feature, of constant size. Not thread-safe. */
final class FeatureSums {
  private final int feature;
  private final IndexOptions options;
  private final HistogramSums histogram = new HistogramSums();

  /** The largest activations of different texts, in descending order. */
  private final List<TextWindow> top = new ArrayList<>();

  /** A uniform sample of active tokens: those with the smallest numbers. */
  private final List<Sampled> sample = new ArrayList<>();

  /** The largest number in a full sample. */
  private long limit = Long.MAX_VALUE;

  private long active;
  private double sum;

  private record Sampled(long priority, TextWindow window) {}

  FeatureSums(int feature, IndexOptions options) {
    this.feature = feature;
    this.options = options;
  }

  /**
   * Adds a text.
   *
   * @param text its index
   * @param ids its tokens
   */
  void add(int text, int[] ids, ActiveTokens tokens) {
    int begin = tokens.begin(feature);
    int end = tokens.begin(feature + 1);
    int best = begin;
    for (int i = begin; i < end; i++) {
      float value = tokens.value(i);
      histogram.add(value);
      sum += value;
      best = value > tokens.value(best) ? i : best;
      long priority = Priority.of(options.seed(), feature, text, tokens.position(i));
      if (sample.size() < options.sample() || priority < limit) {
        keep(new Sampled(priority, window(text, ids, tokens, i)));
      }
    }
    active += end - begin;
    boolean full = top.size() == options.top();
    if (begin < end && (!full || tokens.value(best) > top.getLast().value())) {
      insert(window(text, ids, tokens, best));
    }
  }

  private TextWindow window(int text, int[] ids, ActiveTokens tokens, int i) {
    return TextWindow.of(text, ids, tokens.position(i), options.around()).with(tokens, feature);
  }

  /** Inserts a window after all that are not smaller. */
  private void insert(TextWindow window) {
    int at = top.size();
    while (at > 0 && top.get(at - 1).value() < window.value()) {
      at--;
    }
    top.add(at, window);
    if (top.size() > options.top()) {
      top.removeLast();
    }
  }

  /** Adds a token to the sample instead of the one with the largest number, if it is full. */
  private void keep(Sampled added) {
    sample.add(added);
    if (sample.size() > options.sample()) {
      sample.remove(largest());
    }
    if (sample.size() == options.sample()) {
      limit = sample.get(largest()).priority;
    }
  }

  private int largest() {
    int largest = 0;
    for (int i = 1; i < sample.size(); i++) {
      largest = sample.get(i).priority > sample.get(largest).priority ? i : largest;
    }
    return largest;
  }

  /** Returns the number of tokens at which the feature is active. */
  long active() {
    return active;
  }

  /**
   * Returns the result, without promoted tokens.
   *
   * @param tokens number of all tokens
   * @param inactive windows without the feature
   */
  FeatureRecord result(Tokenizer tokenizer, long tokens, List<Integer> inactive) {
    return new FeatureRecord(
        feature,
        active,
        active / (double) tokens,
        active == 0 ? 0 : sum / active,
        top.isEmpty() ? 0 : top.getFirst().value(),
        histogram.histogram(),
        top.stream().map(window -> window.example(tokenizer)).toList(),
        quantiles(tokenizer),
        inactive,
        List.of(),
        List.of());
  }

  /** Returns groups of equal sizes but for rounding; fewer groups if the sample is smaller. */
  private List<Quantile> quantiles(Tokenizer tokenizer) {
    List<TextWindow> sorted =
        sample.stream()
            .map(Sampled::window)
            .sorted(
                Comparator.comparingDouble(TextWindow::value)
                    .thenComparingInt(TextWindow::text)
                    .thenComparingInt(TextWindow::position))
            .toList();
    int groups = Math.min(options.quantiles(), sorted.size());
    List<Quantile> quantiles = new ArrayList<>();
    for (int g = 0; g < groups; g++) {
      List<TextWindow> group =
          sorted.subList(sorted.size() * g / groups, sorted.size() * (g + 1) / groups);
      quantiles.add(
          new Quantile(
              group.getFirst().value(),
              group.getLast().value(),
              group.reversed().stream().map(window -> window.example(tokenizer)).toList()));
    }
    return quantiles;
  }
}
