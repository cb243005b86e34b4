package dev.vidrio.model.sampling;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.model.InvalidInputException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

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
 * logit. Not thread-safe; allocates nothing per token.
 */
public final class Sampler {
  private final SamplingOptions options;
  private final SplitMix64 random;
  private final float[] logits;
  private final long[] candidates;
  private final double[] weights;
  private final RecentTokens recent;

  /**
   * A sampler for a vocabulary.
   *
   * @throws InvalidInputException when a bias is for a token id outside the vocabulary
   */
  public Sampler(SamplingOptions options, int vocabulary) {
    this.options = options;
    this.random = new SplitMix64(options.seed());
    this.logits = new float[vocabulary];
    this.candidates = new long[vocabulary];
    this.weights = new double[vocabulary];
    this.recent = new RecentTokens(vocabulary, options.penaltyWindow());
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
    MemorySegment.copy(row, JAVA_FLOAT, 0, logits, 0, logits.length);
    options.logitBias().forEach((token, bias) -> logits[token] += bias);
    penalize();
    if (options.temperature() == 0) {
      return greatest();
    }
    int n = minP(topP(topK()));
    return draw(n);
  }

  private void penalize() {
    float repeat = (float) options.repeatPenalty();
    float frequency = (float) options.frequencyPenalty();
    float presence = (float) options.presencePenalty();
    if (repeat == 1 && frequency == 0 && presence == 0) {
      return;
    }
    recent.forEach(
        (token, count) -> {
          float logit = logits[token];
          logit = logit > 0 ? logit / repeat : logit * repeat;
          logits[token] = logit - (count * frequency + presence);
        });
  }

  private int greatest() {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      if (logits[i] > logits[best] || Float.isNaN(logits[best])) {
        best = i;
      }
    }
    return best;
  }

  /** Fills the candidates in descending order and returns how many there are. */
  private int topK() {
    int k = options.topK() == 0 ? logits.length : Math.min(options.topK(), logits.length);
    if (k == logits.length) {
      for (int i = 0; i < logits.length; i++) {
        candidates[i] = key(i);
      }
    } else {
      selectGreatest(k);
    }
    Arrays.sort(candidates, 0, k);
    return k;
  }

  /** Keeps the k least keys in a heap whose root is the greatest of them. */
  private void selectGreatest(int k) {
    for (int i = 0; i < logits.length; i++) {
      long key = key(i);
      if (i < k) {
        candidates[i] = key;
        if (i == k - 1) {
          for (int j = k / 2 - 1; j >= 0; j--) {
            siftDown(j, k);
          }
        }
      } else if (key < candidates[0]) {
        candidates[0] = key;
        siftDown(0, k);
      }
    }
  }

  private void siftDown(int start, int n) {
    long key = candidates[start];
    int i = start;
    for (int child = 2 * i + 1; child < n; child = 2 * i + 1) {
      if (child + 1 < n && candidates[child + 1] > candidates[child]) {
        child++;
      }
      if (candidates[child] <= key) {
        break;
      }
      candidates[i] = candidates[child];
      i = child;
    }
    candidates[i] = key;
  }

  /**
   * Orders by descending logit, then ascending id: the upper half is an inverted, sortable float.
   */
  private long key(int token) {
    float logit = logits[token];
    int bits = Float.floatToIntBits(Float.isNaN(logit) ? Float.NEGATIVE_INFINITY : logit + 0.0f);
    int ascending = bits ^ ((bits >> 31) & Integer.MAX_VALUE);
    return ((long) ~ascending << 32) | token;
  }

  private static int token(long key) {
    return (int) key;
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
        return token(candidates[i]);
      }
    }
    return token(candidates[n - 1]);
  }

  /** Fills the weights of the first n candidates and returns their sum. */
  private double weigh(int n, double temperature) {
    double greatest = logits[token(candidates[0])];
    double sum = 0;
    for (int i = 0; i < n; i++) {
      double logit = logits[token(candidates[i])];
      // Equal infinities have no difference.
      double difference = logit == greatest ? 0 : logit - greatest;
      weights[i] = Double.isNaN(difference) ? 0 : StrictMath.exp(difference / temperature);
      sum += weights[i];
    }
    return sum;
  }
}
