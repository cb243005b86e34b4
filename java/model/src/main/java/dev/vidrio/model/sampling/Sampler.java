package dev.vidrio.model.sampling;

import static dev.vidrio.error.InvalidInputException.requireRange;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.TopKHeap;
import dev.vidrio.model.load.LoadedModel;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Chooses the tokens of one sequence from logits [V], in these steps:
 *
 * <ol>
 *   <li>bias: {@code logit += bias}
 *   <li>penalties, over the counts of the last tokens: {@code logit = logit > 0 ? logit / r : logit
 *       · r}, then {@code logit −= count · frequency + presence}, all in f32
 *   <li>DRY: {@code logit −= multiplier · base^(length − allowedLength)} in f32 for tokens that
 *       would continue a repetition
 *   <li>temperature 0 without XTC: the maximum logit is chosen, and the remaining steps are skipped
 *   <li>top-nσ: tokens with {@code logit ≥ max − n · σ} are kept, σ the standard deviation of all
 *       logits; sums in f32 over ascending ids, squares in double
 *   <li>top-k: the k largest logits are kept; ties go to the lower id
 *   <li>weights {@code exp(logit − max)} of the kept tokens, in double by {@link StrictMath}
 *   <li>top-p: the shortest prefix, in descending order, that has at least the share p of the sum
 *   <li>min-p: tokens with at least minP times the weight of the first one, and always the first
 *   <li>XTC, with its probability: if several tokens have at least the threshold's share of the sum
 *       of the kept weights, all of them but the last one are excluded
 *   <li>temperature: weights {@code exp((logit − max) / temperature)}; a random number in [0, 1)
 *       times their sum selects a token, in descending order; temperature 0 selects the first one
 * </ol>
 *
 * If top-k keeps all tokens, sums over them are those of the executor's top-k operation, or in
 * ascending order of ids.
 *
 * <p>One random number is drawn per token, from {@link SplitMix64} with the seed; with XTC another
 * one before, which XTC applies to if it is at most its probability. NaN counts as the lowest
 * logit. Tokens that a mask does not allow are excluded from all steps, as if their logits were −∞.
 * Not thread-safe; allocates nothing per token.
 */
public final class Sampler {
  private final SamplingOptions options;
  private final SplitMix64 random;
  private final RecentTokens recent;
  private final DryPenalty dry;
  private final SamplingBuffers buffers;
  private final TopKHeap top;
  private final double[] weights;
  private final float[] logits;
  private int knownCount;
  // True if XTC applies to this token.
  private boolean excludes;

  /**
   * Creates a sampler for a vocabulary, without a tokenizer.
   *
   * @throws InvalidInputException if a bias is for a token id outside the vocabulary, or DRY has
   *     sequence breakers, which need the tokenizer of {@link #of(LoadedModel, SamplingOptions)}
   */
  public Sampler(SamplingOptions options, int vocabulary) {
    this(options, new SamplingBuffers(vocabulary), withoutTokenizer(options.dry()));
  }

  /**
   * Returns a sampler for a model.
   *
   * @throws InvalidInputException if a bias is for a token id outside the vocabulary
   */
  public static Sampler of(LoadedModel model, SamplingOptions options) {
    return of(model, options, new SamplingBuffers(model.architecture().vocabulary()));
  }

  /**
   * Returns a sampler for a model that shares memory with others of the same thread.
   *
   * @throws InvalidInputException if a bias is for a token id outside the vocabulary
   */
  public static Sampler of(LoadedModel model, SamplingOptions options, SamplingBuffers buffers) {
    DryOptions dry = options.dry();
    return new Sampler(
        options,
        buffers,
        dry.isActive() ? SequenceBreakers.of(model, dry.breakers()) : SequenceBreakers.NONE);
  }

  private static SequenceBreakers withoutTokenizer(DryOptions dry) {
    if (dry.isActive() && !dry.breakers().isEmpty()) {
      throw new InvalidInputException(
          "DRY sequence breakers", dry.breakers(), "need a tokenizer: must be empty without one");
    }
    return SequenceBreakers.NONE;
  }

  Sampler(SamplingOptions options, SamplingBuffers buffers, SequenceBreakers breakers) {
    this.options = options;
    this.dry = new DryPenalty(options.dry(), breakers);
    this.random = new SplitMix64(options.seed());
    this.buffers = buffers;
    this.top = buffers.top;
    this.weights = buffers.weights;
    this.logits = buffers.logits;
    int vocabulary = logits.length;
    this.recent = new RecentTokens(vocabulary, options.penalizes() ? options.penaltyWindow() : 0);
    for (int token : options.logitBias().keySet()) {
      requireRange("logit bias of token id", token, 0, vocabulary - 1);
    }
  }

  /** Adds a token of the prompt or the answer, for the penalties. */
  public void accept(int token) {
    recent.add(token);
    dry.accept(token);
  }

  /**
   * Chooses the next token among those that a mask allows.
   *
   * @param row f32 logits [V], not modified
   * @param allowed a bit for each id, {@code id & 63} of word {@code id >> 6}; null for all
   * @throws IllegalArgumentException if it allows none
   */
  public int sample(MemorySegment row, long @Nullable [] allowed) {
    drawExclusion();
    return sampleAll(row, allowed);
  }

  private int sampleAll(MemorySegment row, long @Nullable [] allowed) {
    int n = selectAll(row, allowed);
    return isGreedy() ? top.id(0) : draw(minP(topP(n)));
  }

  private boolean isGreedy() {
    return options.temperature() == 0 && !options.excludesLikely();
  }

  /** Returns the tokens from which one is drawn if XTC applies as given, in descending order. */
  int[] kept(MemorySegment row, boolean exclude) {
    excludes = exclude;
    int n = minP(topP(selectAll(row, null)));
    return IntStream.range(excluded(n, weigh(n, 1)), n).map(top::id).toArray();
  }

  private void drawExclusion() {
    excludes = options.excludesLikely() && random.nextDouble() <= options.xtcProbability();
  }

  private int selectAll(MemorySegment row, long @Nullable [] allowed) {
    beginStep();
    if (allowed == null) {
      for (int token = 0; token < logits.length; token++) {
        load(token, row);
      }
    } else {
      loadAll(allowed, row);
    }
    return select();
  }

  private void beginStep() {
    buffers.step++;
    knownCount = 0;
  }

  /**
   * Chooses the next token as {@link #sample(Candidates, MemorySegment, long[])}, without a mask.
   */
  public int sample(Candidates candidates, MemorySegment row) {
    return sample(candidates, row, null);
  }

  /**
   * Chooses the token that {@link #sample(MemorySegment, long[])} would choose, from the candidates
   * if they suffice. All logits that a bias or a penalty changes are looked up, so unknown tokens
   * rank after the last candidate; known tokens that rank before it are the largest of all.
   *
   * @param candidates the candidates of the row
   * @param row f32 logits [V]
   * @param allowed a bit for each id, {@code id & 63} of word {@code id >> 6}; null for all
   * @throws IllegalArgumentException if it allows none
   */
  public int sample(Candidates candidates, MemorySegment row, long @Nullable [] allowed) {
    drawExclusion();
    boolean whole = wanted() == logits.length && logits.length > 1;
    boolean needsAll = options.topNSigma() > 0 && !isGreedy();
    if (needsAll || (!whole && wanted() > candidates.count())) {
      return sampleAll(row, allowed);
    }
    beginStep();
    for (int i = 0; i < candidates.count(); i++) {
      loadAllowed(candidates.id(i), row, allowed);
    }
    options.logitBias().keySet().forEach(token -> loadAllowed(token, row, allowed));
    if (options.penalizes()) {
      recent.forEach((token, count) -> loadAllowed(token, row, allowed));
    }
    dry.penalties().keySet().forEach(token -> loadAllowed(token, row, allowed));
    int n = select();
    int sure = sure(n, candidates);
    if (whole) {
      return sure == 0 ? sampleAll(row, allowed) : sampleWhole(sure, candidates, row, allowed);
    }
    if (sure < wanted()) {
      return sampleAll(row, allowed);
    }
    return isGreedy() ? top.id(0) : draw(minP(topP(n)));
  }

  /** Returns how many of the n largest known logits are the largest of the whole row. */
  private int sure(int n, Candidates candidates) {
    int last = candidates.count() - 1;
    int sure = n;
    while (sure > 0 && !top.reaches(sure - 1, candidates.value(last), candidates.id(last))) {
      sure--;
    }
    return sure;
  }

  /**
   * Chooses a token if top-k keeps all. The choice nearly always falls on one of the candidates, so
   * the others need not be sorted; their part of the sum suffices.
   *
   * @param sure the number of largest logits that are known, in order
   */
  private int sampleWhole(
      int sure, Candidates candidates, MemorySegment row, long @Nullable [] allowed) {
    double sum = sum(candidates, row, allowed, 1);
    if (!(sum > 0) || Double.isInfinite(sum)) {
      return sampleAll(row, allowed);
    }
    weigh(sure, 1);
    int kept = options.topP() < 1 ? reach(sure, options.topP() * sum) : sure;
    if (kept < 0) {
      return sampleAll(row, allowed);
    }
    int likely = minP(kept);
    boolean cut = options.topP() < 1 || likely < kept || sure == logits.length;
    if (cut) {
      return draw(likely);
    }
    if (options.minP() > 0) {
      return sampleAll(row, allowed);
    }
    int excluded = excluded(sure, sum);
    double temperature = options.temperature();
    boolean mayExcludeMore = excludes && excluded == sure - 1;
    if (mayExcludeMore || temperature == 0) {
      return sampleAll(row, allowed);
    }
    double rest = temperature == 1 ? sum : sum(candidates, row, allowed, temperature);
    weigh(sure, temperature);
    for (int i = 0; i < excluded; i++) {
      rest -= weights[i];
    }
    double target = random.nextDouble() * rest;
    int chosen = fall(excluded, sure, target);
    if (chosen < 0) {
      int n = selectAll(row, allowed);
      weigh(n, temperature);
      chosen = fall(excluded, n, target);
      return top.id(chosen < 0 ? n - 1 : chosen);
    }
    return top.id(chosen);
  }

  /** Returns {@code Σ exp((logit − max) / temperature)} over all allowed tokens. */
  private double sum(
      Candidates candidates, MemorySegment row, long @Nullable [] allowed, double temperature) {
    double first = logits[top.id(0)];
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
    // The difference of equal infinities would be NaN.
    double difference = logit == first ? 0 : logit - first;
    return Double.isNaN(difference) ? 0 : StrictMath.exp(difference / temperature);
  }

  private void loadAll(long[] allowed, MemorySegment row) {
    for (int word = 0; word < allowed.length; word++) {
      for (long bits = allowed[word]; bits != 0; bits &= bits - 1) {
        load(word * Long.SIZE + Long.numberOfTrailingZeros(bits), row);
      }
    }
    if (knownCount == 0) {
      throw new IllegalArgumentException("the mask allows no token");
    }
  }

  private void loadAllowed(int token, MemorySegment row, long @Nullable [] allowed) {
    if (isAllowed(token, allowed)) {
      load(token, row);
    }
  }

  static boolean isAllowed(int token, long @Nullable [] allowed) {
    int word = token >> 6;
    return allowed == null || (word < allowed.length && (allowed[word] >>> token & 1) != 0);
  }

  private void load(int token, MemorySegment row) {
    if (buffers.knownSince[token] != buffers.step) {
      buffers.knownSince[token] = buffers.step;
      buffers.known[knownCount++] = token;
      logits[token] = row.getAtIndex(JAVA_FLOAT, token);
    }
  }

  /** Returns the number of tokens that top-k keeps. */
  private int wanted() {
    if (isGreedy()) {
      return 1;
    }
    return options.topK() == 0 ? logits.length : Math.min(options.topK(), logits.length);
  }

  /** Applies bias and penalties to the known logits, and sorts the largest. */
  private int select() {
    options.logitBias().forEach((token, bias) -> logits[token] += bias);
    if (options.penalizes()) {
      penalize();
    }
    dry.penalties().forEach((token, penalty) -> logits[token] -= penalty);
    top.begin(wanted());
    float least = options.topNSigma() > 0 && !isGreedy() ? leastOfSigma() : Float.NaN;
    for (int i = 0; i < knownCount; i++) {
      int token = buffers.known[i];
      if (!(logits[token] < least)) {
        top.offer(logits[token], token);
      }
    }
    return top.sort();
  }

  /** Returns the least logit that top-nσ keeps; all logits are known. */
  private float leastOfSigma() {
    float max = Float.NEGATIVE_INFINITY;
    float sum = 0;
    int count = 0;
    for (int i = 0; i < knownCount; i++) {
      float logit = logits[buffers.known[i]];
      if (logit > Float.NEGATIVE_INFINITY) {
        max = Math.max(max, logit);
        sum += logit;
        count++;
      }
    }
    float mean = sum / count;
    float squares = 0;
    for (int i = 0; i < knownCount; i++) {
      float logit = logits[buffers.known[i]];
      if (logit > Float.NEGATIVE_INFINITY) {
        double difference = logit - mean;
        squares = (float) (squares + (difference * difference));
      }
    }
    float deviation = (float) Math.sqrt(squares / count);
    return max - ((float) options.topNSigma() * deviation);
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

  /** Returns how many of the first n weights together reach a sum, or -1. */
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
    int excluded = excludes ? excluded(n, weigh(n, 1)) : 0;
    if (options.temperature() == 0) {
      return top.id(excluded);
    }
    double sum = weigh(n, options.temperature());
    for (int i = 0; i < excluded; i++) {
      sum -= weights[i];
    }
    int chosen = fall(excluded, n, random.nextDouble() * sum);
    return top.id(chosen < 0 ? n - 1 : chosen);
  }

  /**
   * Returns the number of tokens that XTC excludes: those of the first n that have at least the
   * threshold's share of a sum of weights, but one.
   */
  private int excluded(int n, double sum) {
    int reaching = 0;
    while (excludes && reaching < n && weights[reaching] >= options.xtcThreshold() * sum) {
      reaching++;
    }
    return Math.max(0, reaching - 1);
  }

  /**
   * Returns the index, from the first one on, of the weight at which the cumulative sum exceeds a
   * target, or -1.
   */
  private int fall(int first, int n, double target) {
    double left = target;
    for (int i = first; i < n; i++) {
      left -= weights[i];
      if (left < 0) {
        return i;
      }
    }
    return -1;
  }

  /** Fills the weights of the first n candidates and returns their sum. */
  private double weigh(int n, double temperature) {
    double first = logits[top.id(0)];
    double sum = 0;
    for (int i = 0; i < n; i++) {
      weights[i] = weight(logits[top.id(i)], first, temperature);
      sum += weights[i];
    }
    return sum;
  }
}
