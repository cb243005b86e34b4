package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Interruption;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.sampling.SplitMix64;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleConsumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Causal scrubbing: how much of a metric is left if every activation is replaced by one that a
 * hypothesis claims to be as good (Chan et al. 2022; section 3.2 of the primer, arXiv 2405.00208).
 *
 * <p>The logits of a text x are computed by recursion: a component reads the residual stream of a
 * random text of the data set in which the output of each claim that it reads is exchanged for that
 * of another text x', drawn from those that agree with x on the properties that the claim depends
 * on. If the claim has inputs, its output is computed in turn, with x' instead of x; otherwise it
 * is that of a run of x'. Texts are drawn from those with equally many tokens, with themselves. A
 * claim that several claims read draws for each.
 *
 * <p>The recovered share is
 *
 * <pre>{@code
 * (scrubbed − random) / (model − random)
 * }</pre>
 *
 * <p>for the mean metric over all texts: of the scrubbed runs, of the model, and of the logits of
 * texts that are drawn at random, which the empty hypothesis gives. 1 is as the model, 0 as chance.
 *
 * {@snippet file="LensExamplesTest.java" region="scrubbing"}
 *
 * @param model the metric of each text's own run
 * @param random the metric of each text with the logits of those with equally many tokens, as a
 *     mean over all, or over 32 that are drawn if there are more
 * @param claims the claims of the hypothesis
 * @param branches the names of the claims of the tree, in the order of draws: a claim is before
 *     those that it reads; the first is the logits
 * @param runs one for each seed
 * @see "docs/lens/circuits.md"
 */
public record CausalScrubbing(
    List<Double> model,
    List<Double> random,
    List<Agreement> claims,
    List<String> branches,
    List<Run> runs) {
  /** Maximum number of texts that the metric with the logits of others is a mean over. */
  private static final int OTHERS = 32;

  /**
   * A claim and the texts that are resampled for it.
   *
   * @param components the names of its components
   * @param agreeing the mean number of texts that agree with a text, with itself
   */
  public record Agreement(String claim, List<String> components, double agreeing) {}

  /**
   * A run over all texts.
   *
   * @param values the metric of each scrubbed text
   * @param recovered the recovered share
   * @param agreeing the text that each branch is computed from, [text][branch], by index
   * @param unclaimed the text that inputs of each branch are taken from which no claim is about,
   *     [text][branch]; −1 for claims without inputs
   */
  public record Run(
      long seed,
      List<Double> values,
      double recovered,
      List<List<Integer>> agreeing,
      List<List<Integer>> unclaimed) {
    public Run {
      values = List.copyOf(values);
      agreeing = agreeing.stream().map(List::copyOf).toList();
      unclaimed = unclaimed.stream().map(List::copyOf).toList();
    }

    /** Returns the mean metric. */
    public double mean() {
      return CausalScrubbing.mean(values);
    }
  }

  public CausalScrubbing {
    model = List.copyOf(model);
    random = List.copyOf(random);
    claims = List.copyOf(claims);
    branches = List.copyOf(branches);
    runs = List.copyOf(runs);
  }

  /** Returns the mean metric of the scrubbed texts, with its interval over seeds. */
  public Estimate scrubbed() {
    return Estimate.of(runs.stream().mapToDouble(Run::mean).toArray());
  }

  /** Returns the recovered share, with its interval over seeds. */
  public Estimate recovered() {
    return Estimate.of(runs.stream().mapToDouble(Run::recovered).toArray());
  }

  /**
   * Tests a hypothesis.
   *
   * @param seeds of the draws, one for each run
   * @param progress receives the share of texts that are done, 0 to 1
   * @throws InvalidInputException if there are no seeds, a text has no other of its length, a claim
   *     does not fit the model or the texts, or the model does not support circuits
   */
  public static CausalScrubbing of(
      Lens lens,
      List<ScrubText> texts,
      ScrubHypothesis hypothesis,
      List<Long> seeds,
      DoubleConsumer progress) {
    Preconditions.require(!texts.isEmpty(), "texts", "", "must be at least 1");
    Preconditions.require(!seeds.isEmpty(), "runs", 0, "must be at least 1");
    texts.forEach(text -> Preconditions.requireTokens(lens.model(), text.tokens()));
    ComponentGraph graph = ComponentGraph.of(lens);
    var tree =
        new ScrubTree(
            hypothesis, graph, texts.stream().map(ScrubText::length).collect(Collectors.toSet()));
    var source = new ScrubDraw.Source(tree, hypothesis, texts);
    for (int i = 0; i < texts.size(); i++) {
      String limit = "needs another text with equally many tokens in the data set";
      Preconditions.require(source.group(i).length > 1, "text " + (i + 1), "", limit);
    }
    try (var session = new ScrubSession(lens, graph, tree, texts)) {
      var model = new double[texts.size()];
      var random = new double[texts.size()];
      var numbers = new SplitMix64(seeds.getFirst());
      for (int i = 0; i < model.length; i++) {
        Interruption.check();
        model[i] = metric(texts, session, i, i);
        int[] others = source.some(i, OTHERS, numbers);
        for (int other : others) {
          random[i] += metric(texts, session, i, other) / others.length;
        }
      }
      double chance = mean(list(random));
      double range = mean(list(model)) - chance;
      Preconditions.require(range != 0, "metric", "", "is the same for the logits of other texts");
      List<Run> runs = new ArrayList<>();
      for (long seed : seeds) {
        int done = runs.size();
        runs.add(
            run(
                texts,
                session,
                source,
                seed,
                chance,
                range,
                share -> progress.accept((done + share) / seeds.size())));
      }
      return new CausalScrubbing(
          list(model),
          list(random),
          agreements(hypothesis, tree, source, texts.size()),
          tree.branches().stream().map(ScrubTree.Branch::claim).toList(),
          runs);
    }
  }

  private static double metric(List<ScrubText> texts, ScrubSession session, int of, int logits) {
    return texts.get(of).metric().of(MemorySegment.ofArray(session.logits()[logits]));
  }

  private static Run run(
      List<ScrubText> texts,
      ScrubSession session,
      ScrubDraw.Source source,
      long seed,
      double chance,
      double range,
      DoubleConsumer progress) {
    var numbers = new SplitMix64(seed);
    List<ScrubDraw> draws =
        IntStream.range(0, texts.size()).mapToObj(i -> source.draw(i, numbers)).toList();
    var values = new double[texts.size()];
    int done = 0;
    for (int[] batch : batches(texts, session, source)) {
      double[] some = session.run(batch, Arrays.stream(batch).mapToObj(draws::get).toList());
      for (int r = 0; r < batch.length; r++) {
        values[batch[r]] = some[r];
      }
      done += batch.length;
      progress.accept(done / (double) texts.size());
    }
    double recovered = (mean(list(values)) - chance) / range;
    return new Run(
        seed,
        list(values),
        recovered,
        draws.stream().map(draw -> list(draw.agreeing)).toList(),
        draws.stream().map(draw -> list(draw.random)).toList());
  }

  /** Divides the texts into steps of texts of one group. */
  private static List<int[]> batches(
      List<ScrubText> texts, ScrubSession session, ScrubDraw.Source source) {
    List<int[]> batches = new ArrayList<>();
    for (int i = 0; i < texts.size(); i++) {
      int[] group = source.group(i);
      if (group[0] == i) {
        int together = session.together(texts.get(i).length());
        for (int from = 0; from < group.length; from += together) {
          batches.add(Arrays.copyOfRange(group, from, Math.min(group.length, from + together)));
        }
      }
    }
    return batches;
  }

  private static List<Agreement> agreements(
      ScrubHypothesis hypothesis, ScrubTree tree, ScrubDraw.Source source, int texts) {
    return hypothesis.claims().keySet().stream()
        .map(
            claim ->
                new Agreement(
                    claim,
                    tree.members(claim).stream().map(Node::name).toList(),
                    IntStream.range(0, texts)
                        .map(i -> source.agreeing(claim, i).length)
                        .average()
                        .orElse(0)))
        .toList();
  }

  private static List<Double> list(double[] values) {
    return Arrays.stream(values).boxed().toList();
  }

  private static List<Integer> list(int[] values) {
    return Arrays.stream(values).boxed().toList();
  }

  private static double mean(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).sum() / values.size();
  }
}
