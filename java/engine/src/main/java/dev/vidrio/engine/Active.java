package dev.vidrio.engine;

import dev.vidrio.kernel.KvCache;
import dev.vidrio.lens.ActivationCache;
import dev.vidrio.model.Adaptation;
import dev.vidrio.model.AnswerText;
import dev.vidrio.model.BatchFeed;
import dev.vidrio.model.GenerationOptions;
import dev.vidrio.model.Generator.Finish;
import dev.vidrio.model.Model;
import dev.vidrio.model.Sequence;
import dev.vidrio.model.sampling.Candidates;
import dev.vidrio.model.sampling.Sampler;
import dev.vidrio.model.sampling.SamplingBuffers;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A request from its submission to its end. Its text is the prompt and the tokens generated so far;
 * those that have run are in the sequence, the others are pending. A request that generates has one
 * pending token, one that begins has its prompt, one that lost its memory has all: they need no
 * other distinction. Belongs to the scheduler's thread.
 */
final class Active {
  /** Who begins first: by priority, then in the order of arrival. */
  static final Comparator<Active> ORDER =
      Comparator.<Active>comparingInt(a -> -a.request.priority()).thenComparingLong(a -> a.arrival);

  final GenerationRequest request;
  final TokenStream stream;

  /** Requests with the same prompt, which go their own ways when it has run. */
  final List<Active> forks = new ArrayList<>();

  private final long arrival;
  private final Model model;
  private final GenerationOptions options;
  private final Sampler sampler;
  private final AllowedTokens allowed;
  private final AnswerText answer;
  private final LogProbabilities logProbabilities;
  private final long submitted;
  private final long deadline;
  // What its keys and values depend on beside the tokens; they are its own where it edits.
  private Object root;
  private int[] tokens;
  private int count;
  private @Nullable Sequence sequence;
  private PrefixCache.@Nullable Entry lastKept;
  private int kept;
  private int cachedTokens;
  private long begun;
  private long lastTokenAt;
  private long firstTokenAt;

  /**
   * @param arrival grows from request to request
   * @param buffers of the scheduler's thread
   * @param onCancel as in {@link TokenStream}
   */
  Active(
      Model model,
      GenerationRequest request,
      long arrival,
      SamplingBuffers buffers,
      Runnable onCancel) {
    this.model = model;
    this.request = request;
    this.arrival = arrival;
    this.options = request.options();
    this.stream = new TokenStream(onCancel);
    this.sampler = new Sampler(options.sampling(), buffers);
    this.allowed = new AllowedTokens(request, model);
    this.answer = new AnswerText(model.tokenizer(), options.stop());
    this.logProbabilities = new LogProbabilities(request);
    this.submitted = System.nanoTime();
    Duration timeout = request.timeout();
    this.deadline = timeout == null ? Long.MAX_VALUE : nanos(timeout);
    this.root = root(request);
    this.tokens = request.prompt();
    this.count = tokens.length;
    for (int token : tokens) {
      sampler.accept(token);
    }
  }

  private Object root(GenerationRequest of) {
    if (!of.edits().isEmpty()) {
      return this;
    }
    Adaptation adaptation = of.adaptation();
    return adaptation == null ? of.cacheSalt() : List.of(of.cacheSalt(), adaptation);
  }

  /** As far ahead as can be told, where it is further. */
  private static long nanos(Duration timeout) {
    return timeout.compareTo(Duration.ofDays(365)) > 0 ? Long.MAX_VALUE : timeout.toNanos();
  }

  /** Whether its time is over. */
  boolean isLate(long now) {
    return deadline != Long.MAX_VALUE && now - submitted >= deadline;
  }

  /** Whether something inside the model is kept or changed for it. */
  boolean needsLens() {
    return request.watched() || !request.edits().isEmpty();
  }

  /** Whether it has a sequence. */
  boolean isRunning() {
    return sequence != null;
  }

  /** Sequences that it and those that wait for its prompt take. */
  int places() {
    return 1 + forks.size();
  }

  Sequence sequence() {
    Sequence current = sequence;
    if (current == null) {
      throw new IllegalStateException("the request has no sequence");
    }
    return current;
  }

  /** Begins, or begins again after {@link #stop}. */
  void begin(Sequence empty, long now) {
    if (request.adaptation() != null) {
      empty.adapt(request.adaptation());
    }
    take(empty, now);
  }

  private void take(Sequence own, long now) {
    sequence = own;
    begun = begun == 0 ? now : begun;
  }

  /** Goes on from the sequence of a request with the same prompt. */
  void forkFrom(Active leader, long now) {
    take(leader.sequence().fork(), now);
    root = leader.root;
    lastKept = leader.lastKept;
    kept = leader.kept;
    cachedTokens = request.promptTokens();
    logProbabilities.takePrompt(leader.logProbabilities);
  }

  /** Gives its memory back. */
  void stop() {
    if (sequence != null) {
      sequence.close();
      sequence = null;
    }
    lastKept = null;
    kept = 0;
  }

  /** Tokens that have not run. */
  int pending() {
    return count - (sequence == null ? 0 : sequence.length());
  }

  /** The token at a position of the text. */
  int token(int position) {
    return tokens[position];
  }

  /** The last token of the text. */
  int lastToken() {
    return tokens[count - 1];
  }

  /** Tokens that were generated. */
  int generated() {
    return count - request.promptTokens();
  }

  /** Tokens of the prompt that were in the cache. */
  int cachedTokens() {
    return cachedTokens;
  }

  /** How many tokens may be guessed; 0 for none. */
  int guesses() {
    return forks.isEmpty()
        ? Math.clamp(options.tokens() - generated() - 1, 0, request.draftTokens())
        : 0;
  }

  /** The number of tokens of the text. */
  int length() {
    return count;
  }

  /** Looks up how the text went on before. */
  int[] lookUp(int most) {
    return PromptLookup.guess(tokens, count, most);
  }

  /** Whether the logits after a token are wanted. */
  boolean wantsLogits(int position) {
    return position >= count - 1 || logProbabilities.wantsPrompt(position);
  }

  /** Takes blocks that others have left, as far as the text is the same. */
  void share(PrefixCache prefixes) {
    Sequence current = sequence();
    if (request.promptLogProbabilities() >= 0 || request.watched()) {
      return;
    }
    // At least one token has to run, for its logits.
    while (current.length() == kept * KvCache.BLOCK && current.length() + KvCache.BLOCK < count) {
      PrefixCache.Entry found = prefixes.find(lastKept, root, tokens, current.length());
      if (found == null) {
        return;
      }
      current.append(found.block);
      lastKept = found;
      kept++;
      if (current.length() <= request.promptTokens() && generated() == 0) {
        cachedTokens += KvCache.BLOCK;
      }
    }
  }

  /** Leaves the blocks that it has filled to others. */
  void keep(PrefixCache prefixes) {
    Sequence current = sequence();
    int known = Math.min(count, current.length());
    for (; (kept + 1) * KvCache.BLOCK <= known; kept++) {
      lastKept = prefixes.keep(lastKept, root, tokens, kept * KvCache.BLOCK, current.block(kept));
    }
  }

  /** Takes the logits after a token of the prompt. */
  void takePrompt(int position, BatchFeed feed, int row) {
    logProbabilities.takePrompt(tokens[position + 1], feed, row);
  }

  /**
   * Chooses the next token, from the logits after the last one.
   *
   * @return why the request has ended, or null
   */
  @Nullable Finish choose(BatchFeed feed, int row, int positions) {
    if (options.tokens() == 0) {
      return Finish.LENGTH;
    }
    MemorySegment logits = feed.logits(row);
    Candidates candidates = feed.candidates(row);
    int token = sampler.sample(candidates, logits, allowed.next(generated()));
    if (isEnd(token)) {
      return Finish.STOP;
    }
    sampler.accept(token);
    if (count == tokens.length) {
      tokens = Arrays.copyOf(tokens, 2 * count);
    }
    tokens[count++] = token;
    stream.publish(
        new GeneratedToken(
            token, answer.accept(token), logProbabilities.take(token, candidates, logits)));
    if (allowed.accept(token) || answer.isStopped()) {
      return Finish.STOP;
    }
    if (generated() == options.tokens()) {
      return Finish.LENGTH;
    }
    return count > positions ? Finish.CONTEXT : null;
  }

  private boolean isEnd(int token) {
    return request.stopTokens().contains(token)
        || ((allowed.hasGrammar() || !options.ignoreEnd())
            && model.tokenizer().isEndOfGeneration(token));
  }

  /** Forgets what has run beyond the text: guesses that were wrong. */
  void dropGuesses() {
    Sequence current = sequence();
    if (current.length() >= count) {
      current.truncate(count - 1);
    }
  }

  /** Notes that tokens have come; returns the nanoseconds since those before. */
  long tokensCame(long now) {
    long since = firstTokenAt == 0 ? submitted : lastTokenAt;
    firstTokenAt = firstTokenAt == 0 ? now : firstTokenAt;
    lastTokenAt = now;
    return now - since;
  }

  /** Ends it. */
  Completion finish(Finish reason, @Nullable ActivationCache activations, long now) {
    stop();
    String rest = answer.finish();
    if (!rest.isEmpty()) {
      stream.publish(new GeneratedToken(-1, rest, null));
    }
    return new Completion(
        answer.result(request.promptTokens(), reason),
        cachedTokens,
        logProbabilities.prompt(),
        logProbabilities.tokens(),
        activations,
        since(begun == 0 ? now : begun),
        since(firstTokenAt == 0 ? now : firstTokenAt),
        since(now));
  }

  private Duration since(long time) {
    return Duration.ofNanos(time - submitted);
  }
}
