package dev.vidrio.lens.decode.sae.explain;

import dev.vidrio.lens.decode.sae.index.FeatureExample;
import dev.vidrio.lens.decode.sae.index.FeatureRecord;
import dev.vidrio.lens.decode.sae.index.FeatureRecord.Quantile;
import dev.vidrio.lens.decode.sae.index.IndexHeader;
import dev.vidrio.lens.decode.sae.index.IndexHeader.Window;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/**
 * The examples of a feature that are shown to the model, and those by which its explanation is
 * tested. The tested ones are from other texts, at most half of all.
 *
 * @param shown in descending order of activation
 * @param tested with the feature
 * @param others without the feature, as many or fewer
 */
record FeatureSamples(
    List<FeatureExample> shown, List<FeatureExample> tested, List<Window> others) {
  /** Selects examples at random by the seed and the number of the feature. */
  static FeatureSamples of(IndexHeader header, FeatureRecord feature, ExplainOptions options) {
    var random = new Random(options.seed() * 31 + feature.feature());
    List<List<FeatureExample>> groups = new ArrayList<>();
    for (Quantile quantile : feature.quantiles()) {
      List<FeatureExample> group = new ArrayList<>(quantile.examples());
      Collections.shuffle(group, random);
      groups.add(group);
    }
    long available =
        groups.stream().flatMap(List::stream).map(FeatureExample::text).distinct().count();
    int count = (int) Math.min(options.tested(), available / 2);
    Set<Integer> tested = new HashSet<>();
    List<FeatureExample> tests = take(groups, count, tested, Set.of());
    Set<Integer> texts = new HashSet<>();
    List<FeatureExample> shown = new ArrayList<>();
    for (FeatureExample example : feature.top()) {
      if (shown.size() < Math.ceilDiv(options.shown(), 2)
          && !tested.contains(example.text())
          && texts.add(example.text())) {
        shown.add(example);
      }
    }
    shown.addAll(take(groups, options.shown() - shown.size(), texts, tested));
    shown.sort((a, b) -> Float.compare(b.value(), a.value()));
    List<Window> others =
        feature.inactive().stream().limit(tests.size()).map(header.background()::get).toList();
    return new FeatureSamples(shown, tests, others);
  }

  /**
   * Takes examples of texts that have not been taken from, from each group in turn.
   *
   * @param taken texts of taken examples
   * @param excluded other texts
   */
  private static List<FeatureExample> take(
      List<List<FeatureExample>> groups, int count, Set<Integer> taken, Set<Integer> excluded) {
    List<FeatureExample> examples = new ArrayList<>();
    int longest = groups.stream().mapToInt(List::size).max().orElse(0);
    for (int i = 0; i < longest; i++) {
      for (List<FeatureExample> group : groups) {
        if (examples.size() < count
            && i < group.size()
            && !excluded.contains(group.get(i).text())
            && taken.add(group.get(i).text())) {
          examples.add(group.get(i));
        }
      }
    }
    return examples;
  }
}
