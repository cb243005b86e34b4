package dev.vidrio.model.sampling;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Greatest;
import dev.vidrio.model.InvalidInputException;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Chooses tokens for one sequence, in these steps:
 *
 * <ol>
 *   <li>bias: {@code logit += bias}
 *   <li>penalties, over the counts of the last tokens: {@code logit = logit > 0 ? logit / r : logit
 *       · r}, then {@code logit −= count · frequency + presence}, all in f32
 *   <li>temperature 0: the greatest logit; the end
 *   <li>top-k: the k greatest logits; equal ones go by lower id
 *   <li>probabilities {@code exp(logit − greatest)} in double by {@link StrictMath}, over what is
 *       left
 *   <li>top-p: the shortest prefix, in descending order, whose share of the sum is at least p
 *   <li>min-p: those of at least minP times the first one's probability; never fewer than one
 *   <li>temperature: {@code exp((logit − greatest) / temperature)}; a random number in [0, 1) times
 *       their sum, in descending order, falls on one of them
 * </ol>
 *
 * One random number is drawn per token, from SplitMix64 with the seed. A NaN counts as the least
 * logit. Under a mask, the tokens that it does not allow take no part in any step, as if their
 * logits were −∞. Not thread-safe; allocates nothing per token.
 */
public final class Sampler {
  private final SamplingOptions options;
  private final SplitMix64 random;
  private final Greatest greatest;
  private final double[] weights;
  private final RecentTokens recent;
  // The logits that are known in this step, after biases and penalties, and whose they are.
  private final float[] logits;
  private final int[] known;
  private final int[] knownSince;
  private int knownCount;
  private int step;

  /**
   * A sampler for a vocabulary.
   *
   * @throws InvalidInputException when a bias is for a token id outside the vocabulary
   */
  public Sampler(SamplingOptions options, int vocabulary) {
    this.options = options;
    this.random = new SplitMix64(options.seed());
    this.greatest = new Greatest(vocabulary);
    this.weights = new double[vocabulary];
    this.recent = new RecentTokens(vocabulary, options.penaltyWindow());
    this.logits = new float[vocabulary];
    this.known = new int[vocabulary];
    this.knownSince = new int[vocabulary];
    for (int token : options.logitBias().keySet()) {
      if (token < 0 || token >= vocabulary) {
        throw new InvalidInputException(
            "logit bias of token id", Integer.toString(token), "must be below " + vocabulary);
      }
    }
  }

  /** Tells it a token that came, of the prompt or chosen, for the penalties. */
  public void accept(int token) {
    recent.add(token);
  }

  /**
   * Chooses the next token.
   *
   * @param row f32 logits [V], left as they are
   */
  public int sample(MemorySegment row) {
    return sample(row, null);
  }

  /**
   * Chooses the next token among those that a mask allows.
   *
   * @param row f32 logits [V], left as they are
   * @param allowed the ids as bits: id & 63 of word id >> 6; null for all
   * @throws IllegalArgumentException when it allows none
   */
  public int sample(MemorySegment row, long @Nullable [] allowed) {
    step++;
    knownCount = 0;
    if (allowed == null) {
      for (int token = 0; token < logits.length; token++) {
        learn(token, row);
      }
    } else {
      learnAll(allowed, row);
    }
    return choose(select());
  }

  /** {@link #sample(Candidates, MemorySegment, long[])} without a mask. */
  public int sample(Candidates candidates, MemorySegment row) {
    return sample(candidates, row, null);
  }

  /**
   * Chooses the token that {@link #sample(MemorySegment, long[])} would choose, from the candidates
   * where they are enough. All logits that a bias or a penalty changes are looked up, so what is
   * unknown comes after the last candidate: k known tokens that do not are the k greatest of all.
   *
   * @param candidates of the row
   * @param row f32 logits [V]
   * @param allowed the ids as bits: id & 63 of word id >> 6; null for all
   * @throws IllegalArgumentException when it allows none
   */
  public int sample(Candidates candidates, MemorySegment row, long @Nullable [] allowed) {
    if (wanted() > candidates.count()) {
      return sample(row, allowed);
    }
    step++;
    knownCount = 0;
    for (int i = 0; i < candidates.count(); i++) {
      learnAllowed(candidates.id(i), row, allowed);
    }
    options.logitBias().keySet().forEach(token -> learnAllowed(token, row, allowed));
    if (penalizes()) {
      recent.forEach((token, count) -> learnAllowed(token, row, allowed));
    }
    int n = select();
    int last = candidates.count() - 1;
    if (n == wanted() && greatest.reaches(n - 1, candidates.value(last), candidates.id(last))) {
      return choose(n);
    }
    return sample(row, allowed);
  }

  private void learnAll(long[] allowed, MemorySegment row) {
    for (int word = 0; word < allowed.length; word++) {
      for (long bits = allowed[word]; bits != 0; bits &= bits - 1) {
        learn(word * Long.SIZE + Long.numberOfTrailingZeros(bits), row);
      }
    }
    if (knownCount == 0) {
      throw new IllegalArgumentException("the mask allows no token");
    }
  }

  private void learnAllowed(int token, MemorySegment row, long @Nullable [] allowed) {
    int word = token >> 6;
    if (allowed == null || (word < allowed.length && (allowed[word] >>> token & 1) != 0)) {
      learn(token, row);
    }
  }

  private void learn(int token, MemorySegment row) {
    if (knownSince[token] != step) {
      knownSince[token] = step;
      known[knownCount++] = token;
      logits[token] = row.getAtIndex(JAVA_FLOAT, token);
    }
  }

  /** Tokens that top-k keeps. */
  private int wanted() {
    if (options.temperature() == 0) {
      return 1;
    }
    return options.topK() == 0 ? logits.length : Math.min(options.topK(), logits.length);
  }

  /** Changes the known logits and puts the greatest, as many as wanted, in order. */
  private int select() {
    options.logitBias().forEach((token, bias) -> logits[token] += bias);
    if (penalizes()) {
      penalize();
    }
    greatest.begin(wanted());
    for (int i = 0; i < knownCount; i++) {
      greatest.offer(logits[known[i]], known[i]);
    }
    return greatest.sort();
  }

  private int choose(int n) {
    return options.temperature() == 0 ? greatest.id(0) : draw(minP(topP(n)));
  }

  private boolean penalizes() {
    return options.repeatPenalty() != 1
        || options.frequencyPenalty() != 0
        || options.presencePenalty() != 0;
  }

  private void penalize() {
    float repeat = (float) options.repeatPenalty();
    float frequency = (float) options.frequencyPenalty();
    float presence = (float) options.presencePenalty();
    recent.forEach(
        (token, count) -> {
          float logit = logits[token];
          logit = logit > 0 ? logit / repeat : logit * repeat;
          logits[token] = logit - (count * frequency + presence);
        });
  }

  private int topP(int n) {
    double sum = weigh(n, 1);
    if (options.topP() >= 1) {
      return n;
    }
    double reached = 0;
    for (int i = 0; i < n; i++) {
      reached += weights[i];
      if (reached >= options.topP() * sum) {
        return i + 1;
      }
    }
    return n;
  }

  private int minP(int n) {
    int kept = 1;
    while (kept < n && weights[kept] >= options.minP() * weights[0]) {
      kept++;
    }
    return kept;
  }

  private int draw(int n) {
    double target = random.nextDouble() * weigh(n, options.temperature());
    for (int i = 0; i < n - 1; i++) {
      target -= weights[i];
      if (target < 0) {
        return greatest.id(i);
      }
    }
    return greatest.id(n - 1);
  }

  /** Fills the weights of the first n candidates and returns their sum. */
  private double weigh(int n, double temperature) {
    double first = logits[greatest.id(0)];
    double sum = 0;
    for (int i = 0; i < n; i++) {
      double logit = logits[greatest.id(i)];
      // Equal infinities have no difference.
      double difference = logit == first ? 0 : logit - first;
      weights[i] = Double.isNaN(difference) ? 0 : StrictMath.exp(difference / temperature);
      sum += weights[i];
    }
    return sum;
  }
}
