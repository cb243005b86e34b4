package dev.vidrio.lens.decode.sae.explain;

import dev.vidrio.lens.decode.sae.explain.FeatureExplanation.Scores;
import dev.vidrio.lens.decode.sae.index.FeatureRecord;
import dev.vidrio.lens.decode.sae.index.IndexFile;
import dev.vidrio.model.sampling.SplitMix64;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;

/**
 * Explains selected features of an index and measures the explanations, up to a number of requests.
 * Results are written as soon as they are there; those of an earlier run are not computed again.
 */
public final class ExplanationRun {
  private final IndexFile index;
  private final ExplanationFile file;
  private final FeatureExplainer explainer;
  private final ExplainOptions options;
  private final int limit;
  private final Progress progress;
  private boolean complete = true;

  /** Receives the number of requests so far. */
  @FunctionalInterface
  public interface Progress {
    /** Receives the number of requests so far, before each feature. */
    void at(int requests);
  }

  /**
   * Creates a run.
   *
   * @param file of the results
   * @param limit maximum number of requests
   */
  public ExplanationRun(
      IndexFile index,
      ExplanationFile file,
      ChatModel model,
      ExplainOptions options,
      int limit,
      Progress progress) {
    this.index = index;
    this.file = file;
    this.explainer = new FeatureExplainer(index.header(), model, options);
    this.options = options;
    this.limit = limit;
    this.progress = progress;
  }

  /** Returns the number of requests so far. */
  public int requests() {
    return explainer.requests();
  }

  /**
   * Explains features, those that are never active excepted.
   *
   * @return false if the limit of requests ended the work
   * @throws IOException if the model does not answer, or a result cannot be written
   */
  public boolean explain(Set<Integer> features) throws IOException {
    return each(
        feature ->
            features.contains(feature.feature())
                && feature.active() > 0
                && !file.explanations().containsKey(feature.feature()),
        1,
        feature -> {
          String text = explainer.explain(feature).orElse("");
          file.add(new FeatureExplanation(feature.feature(), text, null));
        });
  }

  /**
   * Measures the explanations of features, each also with the explanation of another of them.
   *
   * @return false if the limit of requests ended the work
   * @throws IOException if the model does not answer, or a result cannot be written
   */
  public boolean score(Set<Integer> features) throws IOException {
    List<Integer> explained =
        new TreeSet<>(features)
            .stream()
                .filter(file.explanations()::containsKey)
                .filter(f -> !explanation(f).text().isEmpty())
                .toList();
    if (explained.size() < 2) {
      return true;
    }
    return each(
        feature ->
            explained.contains(feature.feature())
                && explanation(feature.feature()).scores() == null,
        4 * options.requestsPerScore(),
        feature -> {
          FeatureExplanation own = explanation(feature.feature());
          int other = other(explained, feature.feature());
          file.add(own.with(scores(feature, own.text(), other)));
        });
  }

  private Scores scores(FeatureRecord feature, String own, int other) throws IOException {
    String shuffled = explanation(other).text();
    return new Scores(
        explainer.detection(feature, own),
        explainer.fuzzing(feature, own),
        other,
        explainer.detection(feature, shuffled),
        explainer.fuzzing(feature, shuffled));
  }

  private FeatureExplanation explanation(int feature) {
    return Objects.requireNonNull(file.explanations().get(feature));
  }

  /** Returns another feature at random, by the seed. */
  private int other(List<Integer> explained, int feature) {
    int at = explained.indexOf(feature);
    long random = new SplitMix64(options.seed() * 41 + feature).next();
    int step = 1 + (int) Math.floorMod(random, explained.size() - 1L);
    return explained.get((at + step) % explained.size());
  }

  private interface Work {
    void of(FeatureRecord feature) throws IOException;
  }

  /**
   * Does work on pending features, in their order, until the limit.
   *
   * @param most maximum number of requests for a feature
   */
  private boolean each(Predicate<FeatureRecord> pending, int most, Work work) throws IOException {
    complete = true;
    try {
      index.records(
          feature -> {
            if (complete && pending.test(feature)) {
              complete = explainer.requests() + most <= limit;
              if (complete) {
                progress.at(explainer.requests());
                doWork(work, feature);
              }
            }
          });
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    return complete;
  }

  private static void doWork(Work work, FeatureRecord feature) {
    try {
      work.of(feature);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
