package dev.vidrio.model.sampling;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Greatest;
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
 * Where top-k keeps all tokens, the sums over them are those of the executor's workers, or by
 * ascending id.
 *
 * <p>One random number is drawn per token, from SplitMix64 with the seed. A NaN counts as the least
 * logit. Under a mask, the tokens that it does not allow take no part in any step, as if their
 * logits were −∞. Not thread-safe; allocates nothing per token.
 */
public final class Sampler {
  private final SamplingOptions options;
  private final SplitMix64 random;
  private final RecentTokens recent;
  private final SamplingBuffers buffers;
  private final Greatest greatest;
  private final double[] weights;
  private final float[] logits;
  private int knownCount;

  /**
   * A sampler for a vocabulary.
   *
   * @throws InvalidInputException when a bias is for a token id outside the vocabulary
   */
  public Sampler(SamplingOptions options, int vocabulary) {
    this(options, new SamplingBuffers(vocabulary));
  }

  /**
   * A sampler that shares memory with others of the same thread.
   *
   * @throws InvalidInputException when a bias is for a token id outside the vocabulary
   */
  public Sampler(SamplingOptions options, SamplingBuffers buffers) {
    this.options = options;
    this.random = new SplitMix64(options.seed());
    this.buffers = buffers;
    this.greatest = buffers.greatest;
    this.weights = buffers.weights;
    this.logits = buffers.logits;
    int vocabulary = logits.length;
    this.recent = new RecentTokens(vocabulary, options.penalizes() ? options.penaltyWindow() : 0);
    for (int token : options.logitBias().keySet()) {
      if (token < 0 || token >= vocabulary) {
        throw new InvalidInputException(
            "logit bias of token id", Integer.toString(token), "must be 0 to " + (vocabulary - 1));
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
   * @param allowed the ids as bits: {@code id & 63} of word {@code id >> 6}; null for all
   * @throws IllegalArgumentException when it allows none
   */
  public int sample(MemorySegment row, long @Nullable [] allowed) {
    int n = selectAll(row, allowed);
    return options.temperature() == 0 ? greatest.id(0) : draw(minP(topP(n)));
  }

  private int selectAll(MemorySegment row, long @Nullable [] allowed) {
    beginStep();
    if (allowed == null) {
      for (int token = 0; token < logits.length; token++) {
        learn(token, row);
      }
    } else {
      learnAll(allowed, row);
    }
    return select();
  }

  private void beginStep() {
    buffers.step++;
    knownCount = 0;
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
   * @param allowed the ids as bits: {@code id & 63} of word {@code id >> 6}; null for all
   * @throws IllegalArgumentException when it allows none
   */
  public int sample(Candidates candidates, MemorySegment row, long @Nullable [] allowed) {
    boolean whole = wanted() == logits.length && logits.length > 1;
    if (!whole && wanted() > candidates.count()) {
      return sample(row, allowed);
    }
    beginStep();
    for (int i = 0; i < candidates.count(); i++) {
      learnAllowed(candidates.id(i), row, allowed);
    }
    options.logitBias().keySet().forEach(token -> learnAllowed(token, row, allowed));
    if (options.penalizes()) {
      recent.forEach((token, count) -> learnAllowed(token, row, allowed));
    }
    int n = select();
    int sure = sure(n, candidates);
    if (whole) {
      return sure == 0 ? sample(row, allowed) : sampleWhole(sure, candidates, row, allowed);
    }
    if (sure < wanted()) {
      return sample(row, allowed);
    }
    return options.temperature() == 0 ? greatest.id(0) : draw(minP(topP(n)));
  }

  /** How many of the n greatest known tokens are the greatest of all. */
  private int sure(int n, Candidates candidates) {
    int last = candidates.count() - 1;
    int sure = n;
    while (sure > 0 && !greatest.reaches(sure - 1, candidates.value(last), candidates.id(last))) {
      sure--;
    }
    return sure;
  }

  /**
   * Chooses where top-k keeps all tokens. Nearly always the choice falls on one of the greatest, so
   * that the others need not be put in order: their part of the sum is enough.
   *
   * @param sure how many of the greatest are known, in order
   */
  private int sampleWhole(
      int sure, Candidates candidates, MemorySegment row, long @Nullable [] allowed) {
    double sum = sum(candidates, row, allowed, 1);
    if (!(sum > 0) || Double.isInfinite(sum)) {
      return sample(row, allowed);
    }
    weigh(sure, 1);
    int kept = options.topP() < 1 ? reach(sure, options.topP() * sum) : sure;
    if (kept < 0) {
      return sample(row, allowed);
    }
    int likely = minP(kept);
    boolean cut = options.topP() < 1 || likely < kept || sure == logits.length;
    if (cut) {
      return draw(likely);
    }
    if (options.minP() > 0) {
      return sample(row, allowed);
    }
    double temperature = options.temperature();
    double target =
        random.nextDouble() * (temperature == 1 ? sum : sum(candidates, row, allowed, temperature));
    weigh(sure, temperature);
    int chosen = fall(sure, target);
    if (chosen < 0) {
      int n = selectAll(row, allowed);
      weigh(n, temperature);
      chosen = fall(n, target);
      return greatest.id(chosen < 0 ? n - 1 : chosen);
    }
    return greatest.id(chosen);
  }

  /** {@code Σ exp((logit − greatest) / temperature)} over all tokens that are allowed. */
  private double sum(
      Candidates candidates, MemorySegment row, long @Nullable [] allowed, double temperature) {
    double first = logits[greatest.id(0)];
    double sum = 0;
    if (allowed == null && temperature == 1) {
      sum = candidates.sum() * StrictMath.exp(candidates.maximum() - first);
    } else {
      for (int token = 0; token < logits.length; token++) {
        sum += isAllowed(token, allowed) ? weight(row, token, first, temperature) : 0;
      }
    }
    for (int i = 0; i < knownCount; i++) {
      int token = buffers.known[i];
      if (logits[token] != row.getAtIndex(JAVA_FLOAT, token)) {
        sum += weight(logits[token], first, temperature) - weight(row, token, first, temperature);
      }
    }
    return sum;
  }

  private static double weight(MemorySegment row, int token, double first, double temperature) {
    return weight(row.getAtIndex(JAVA_FLOAT, token), first, temperature);
  }

  private static double weight(double logit, double first, double temperature) {
    // Equal infinities have no difference.
    double difference = logit == first ? 0 : logit - first;
    return Double.isNaN(difference) ? 0 : StrictMath.exp(difference / temperature);
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
    if (isAllowed(token, allowed)) {
      learn(token, row);
    }
  }

  static boolean isAllowed(int token, long @Nullable [] allowed) {
    int word = token >> 6;
    return allowed == null || (word < allowed.length && (allowed[word] >>> token & 1) != 0);
  }

  private void learn(int token, MemorySegment row) {
    if (buffers.knownSince[token] != buffers.step) {
      buffers.knownSince[token] = buffers.step;
      buffers.known[knownCount++] = token;
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
    if (options.penalizes()) {
      penalize();
    }
    greatest.begin(wanted());
    for (int i = 0; i < knownCount; i++) {
      int token = buffers.known[i];
      greatest.offer(logits[token], token);
    }
    return greatest.sort();
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
    int reached = options.topP() < 1 ? reach(n, options.topP() * sum) : n;
    return reached < 0 ? n : reached;
  }

  /** How many of the first n weights together reach a sum; -1 where they do not. */
  private int reach(int n, double sum) {
    double reached = 0;
    for (int i = 0; i < n; i++) {
      reached += weights[i];
      if (reached >= sum) {
        return i + 1;
      }
    }
    return -1;
  }

  private int minP(int n) {
    int kept = 1;
    while (kept < n && weights[kept] >= options.minP() * weights[0]) {
      kept++;
    }
    return kept;
  }

  private int draw(int n) {
    int chosen = fall(n, random.nextDouble() * weigh(n, options.temperature()));
    return greatest.id(chosen < 0 ? n - 1 : chosen);
  }

  /** On which of the first n weights, one after the other, a target falls; -1 where behind them. */
  private int fall(int n, double target) {
    double left = target;
    for (int i = 0; i < n; i++) {
      left -= weights[i];
      if (left < 0) {
        return i;
      }
    }
    return -1;
  }

  /** Fills the weights of the first n candidates and returns their sum. */
  private double weigh(int n, double temperature) {
    double first = logits[greatest.id(0)];
    double sum = 0;
    for (int i = 0; i < n; i++) {
      weights[i] = weight(logits[greatest.id(i)], first, temperature);
      sum += weights[i];
    }
    return sum;
  }
}
