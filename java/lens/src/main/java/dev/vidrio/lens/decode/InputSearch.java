package dev.vidrio.lens.decode;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Interruption;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.LensSession;
import dev.vidrio.lens.ModelMatrices;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.sampling.SplitMix64;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Inputs found by optimization: tokens for which a neuron is most active, or a metric of the
 * prediction is largest. Greedy coordinate gradient (Zou et al. 2023, arXiv 2307.15043): the
 * gradient with respect to the embeddings ranks the tokens that may replace each position, random
 * ones of these replacements are run, and the best is kept if it is better.
 *
 * <p>Unlike the {@linkplain MaxActivatingExamples examples} of a corpus, such inputs show what
 * drives a neuron beyond natural text. Special tokens are left out. The result is a local optimum
 * of tokens, which a tokenizer may split otherwise when they are written as a text.
 *
 * @param tokens the found ones, without the fixed text before them
 * @param value the activation at the last token, or the metric after it
 * @param steps the values of the first tokens and after each improvement
 * @see "docs/lens/decoding.md"
 */
public record InputSearch(List<Integer> tokens, double value, List<Double> steps) {
  /**
   * Sizes.
   *
   * @param length number of tokens to find
   * @param steps maximum number of gradients
   * @param candidates replacements of each token that the gradient ranks first
   * @param trials number of them that run in each step
   * @param seed of the first tokens and the trials
   */
  public record Options(int length, int steps, int candidates, int trials, long seed) {
    /** Four tokens, 50 steps, 64 candidates, 64 trials. */
    public static final Options DEFAULT = new Options(4, 50, 64, 64, 0);

    public Options {
      Preconditions.requirePositive("length", length);
      Preconditions.requirePositive("steps", steps);
      Preconditions.requirePositive("candidates", candidates);
      Preconditions.requirePositive("trials", trials);
    }
  }

  public InputSearch {
    tokens = List.copyOf(tokens);
    steps = List.copyOf(steps);
  }

  /**
   * Finds tokens for which an element of an activation is largest at the last of them.
   *
   * @param before tokens of the fixed text before them, such as BOS; may be none
   * @param unit such as a neuron
   * @throws dev.vidrio.error.InvalidInputException if the point has no gradient, or the model does
   *     not support the tokens
   */
  public static InputSearch of(
      Lens lens, int[] before, ScalarFeature.Element unit, Options options) {
    return new Run(lens, before, new Activation(unit), options).search();
  }

  /**
   * Finds tokens after which a metric is largest.
   *
   * @param before tokens of the fixed text before them, such as BOS; may be none
   * @param metric of the logits after the last token
   * @throws dev.vidrio.error.InvalidInputException if the metric reads several positions, or the
   *     model does not support the tokens
   */
  public static InputSearch of(
      Lens lens, int[] before, DifferentiableMetric metric, Options options) {
    boolean single = metric.positions() == 1;
    Preconditions.require(single, "metric", "", "must read the logits of one position");
    return new Run(lens, before, new OfLogits(metric), options).search();
  }

  /** A number that is maximized. */
  private sealed interface Objective {
    /** Returns the point that the number is read from. */
    HookPoint point();

    /** Returns the number from the last row at the point. */
    double value(ActivationCache last);

    GradientOptions seeded(GradientOptions options);

    void differentiate(GradientSession session, int[] tokens);
  }

  private record Activation(ScalarFeature.Element unit) implements Objective {
    @Override
    public HookPoint point() {
      return unit.point();
    }

    @Override
    public double value(ActivationCache last) {
      return unit.values(last)[0];
    }

    @Override
    public GradientOptions seeded(GradientOptions options) {
      return options.withSeeds(unit.point().name());
    }

    @Override
    public void differentiate(GradientSession session, int[] tokens) {
      session.forward(tokens);
      dev.vidrio.lens.hook.Activation seed = session.seed(unit.point());
      long width = seed.data().byteSize() / Float.BYTES / tokens.length;
      long index = (tokens.length - 1) * width + unit.element();
      seed.data().setAtIndex(ValueLayout.JAVA_FLOAT, index, 1);
      session.backward();
    }
  }

  private record OfLogits(DifferentiableMetric metric) implements Objective {
    @Override
    public HookPoint point() {
      return HookPoint.of(HookSite.LOGITS);
    }

    @Override
    public double value(ActivationCache last) {
      return metric.of(last.get(point()).data());
    }

    @Override
    public GradientOptions seeded(GradientOptions options) {
      return options;
    }

    @Override
    public void differentiate(GradientSession session, int[] tokens) {
      session.run(tokens, metric);
    }
  }

  /** A replacement of a token. */
  private record Replacement(int position, int token) {}

  /** A search. */
  private static final class Run {
    private static final HookPoint INPUT = HookPoint.of(HookSite.EMBED);

    private final Lens lens;
    private final int first;
    private final Objective objective;
    private final Options options;
    private final SplitMix64 random;

    /** The tokens that may be found. */
    private final int[] allowed;

    private final int[] tokens;

    Run(Lens lens, int[] before, Objective objective, Options options) {
      this.lens = lens;
      this.first = before.length;
      this.objective = objective;
      this.options = options;
      this.random = new SplitMix64(options.seed);
      this.allowed =
          IntStream.range(0, lens.model().architecture().vocabulary())
              .filter(token -> !lens.model().tokenizer().isSpecial(token))
              .toArray();
      this.tokens = Arrays.copyOf(before, Math.addExact(first, options.length));
      for (int i = first; i < tokens.length; i++) {
        tokens[i] = allowed[draw(allowed.length)];
      }
      Preconditions.requireTokens(lens.model(), tokens);
    }

    private int draw(int count) {
      return (int) (random.nextDouble() * count);
    }

    InputSearch search() {
      List<Double> values = new ArrayList<>();
      int n = tokens.length;
      Capture last = Capture.of(objective.point().name()).positions(n - 1, n);
      GradientOptions gradients = objective.seeded(GradientOptions.of(INPUT.name(), n));
      try (GradientSession session = GradientSession.open(lens, gradients);
          LensSession trials = lens.open(last, SessionOptions.EXACT.withContext(n))) {
        Sequence sequence = trials.newSequence();
        values.add(value(trials, sequence, tokens));
        for (int step = 0; step < options.steps; step++) {
          Interruption.check();
          objective.differentiate(session, tokens);
          List<Replacement> ranked = candidates(session.gradient(INPUT));
          boolean all = ranked.size() <= options.trials;
          double best = values.getLast();
          int[] better = tokens;
          for (Replacement trial : all ? ranked : drawn(ranked)) {
            int[] changed = tokens.clone();
            changed[trial.position] = trial.token;
            double value = value(trials, sequence, changed);
            if (value > best) {
              best = value;
              better = changed;
            }
          }
          if (best > values.getLast()) {
            System.arraycopy(better, 0, tokens, 0, tokens.length);
            values.add(best);
          } else if (all) {
            break;
          }
        }
      }
      return new InputSearch(
          Arrays.stream(tokens).skip(first).boxed().toList(), values.getLast(), values);
    }

    private double value(LensSession session, Sequence sequence, int[] text) {
      sequence.truncate(0);
      session.feed(sequence, text);
      return objective.value(session.cache(sequence));
    }

    /** Draws different replacements. */
    private List<Replacement> drawn(List<Replacement> ranked) {
      List<Replacement> rest = new ArrayList<>(ranked);
      List<Replacement> drawn = new ArrayList<>();
      while (drawn.size() < options.trials) {
        int at = draw(rest.size());
        drawn.add(rest.get(at));
        rest.set(at, rest.getLast());
        rest.removeLast();
      }
      return drawn;
    }

    /** Returns the replacements of each position with the largest first-order gain. */
    private List<Replacement> candidates(dev.vidrio.lens.hook.Activation gradient) {
      var gains = new float[options.length][allowed.length];
      float[][] slopes =
          IntStream.range(first, tokens.length).mapToObj(gradient::row).toArray(float[][]::new);
      var next = new int[1];
      ModelMatrices.of(lens)
          .embeddings(
              allowed,
              (token, embedding) -> {
                int w = next[0]++;
                for (int i = 0; i < slopes.length; i++) {
                  gains[i][w] = (float) Vectors.dot(slopes[i], embedding);
                }
              });
      List<Replacement> found = new ArrayList<>();
      for (int i = 0; i < slopes.length; i++) {
        int position = first + i;
        int count = Math.min(options.candidates, allowed.length - 1);
        int own = Arrays.binarySearch(allowed, tokens[position]);
        for (int w : Vectors.largest(gains[i], count, w -> w != own)) {
          found.add(new Replacement(position, allowed[w]));
        }
      }
      return found;
    }
  }
}
