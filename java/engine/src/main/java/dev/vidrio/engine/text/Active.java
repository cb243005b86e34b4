package dev.vidrio.engine.text;

import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GeneratedToken;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenLogProbability;
import dev.vidrio.lens.hook.ActivationCache;
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
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A request for one answer, from its submission to its end. It has one text, or with beams several
 * at a time, of which the answer becomes one. Belongs to the scheduler's thread.
 */
public final class Active {
  /** Who begins first: by priority, then in the order of arrival. */
  public static final Comparator<Active> ORDER =
      Comparator.<Active>comparingInt(a -> -a.request.priority()).thenComparingLong(a -> a.arrival);

  private final GenerationRequest request;
  private final AnswerStream stream;
  private final List<Active> forks = new ArrayList<>();
  private final long arrival;
  private final GenerationOptions options;
  private final Sampler sampler;
  private final Branch branch;
  private final @Nullable BeamSearch beams;
  private final AnswerText answer;
  private final LogProbabilities logProbabilities;
  private final long submitted;
  private final long deadline;
  private AllowedTokens allowed;
  private @Nullable Double score;
  private boolean joined;
  private long begun;
  private long lastTokenAt;
  private long firstTokenAt;

  /**
   * @param arrival grows from request to request
   * @param positions of a sequence at most
   * @param buffers of the scheduler's thread
   * @param streamInterval as in {@link AnswerStream}
   * @param onCancel as in {@link AnswerStream}
   */
  public Active(
      Model model,
      GenerationRequest request,
      long arrival,
      int positions,
      SamplingBuffers buffers,
      Duration streamInterval,
      Runnable onCancel) {
    this.request = request;
    this.arrival = arrival;
    this.options = request.options();
    this.stream = new AnswerStream(streamInterval, onCancel);
    this.sampler = new Sampler(options.sampling(), buffers);
    this.allowed = new AllowedTokens(request, model);
    this.answer = new AnswerText(model.tokenizer(), options.stop());
    this.logProbabilities = new LogProbabilities(request);
    this.submitted = System.nanoTime();
    Duration timeout = request.timeout();
    this.deadline = timeout == null ? Long.MAX_VALUE : nanos(timeout);
    this.branch = new Branch(request);
    BeamOptions search = request.beams();
    this.beams = search == null ? null : new BeamSearch(model, request, search, branch, positions);
    for (int token : request.prompt()) {
      sampler.accept(token);
    }
  }

  /** As far ahead as can be told, where it is further. */
  private static long nanos(Duration timeout) {
    return timeout.compareTo(Duration.ofDays(365)) > 0 ? Long.MAX_VALUE : timeout.toNanos();
  }

  /** What is asked for. */
  public GenerationRequest request() {
    return request;
  }

  /** What its reader has of it. */
  public AnswerStream stream() {
    return stream;
  }

  /**
   * Requests with the same prompt, which go their own ways when it has run; where it searches with
   * beams, those that get the second best answer and so on.
   */
  public List<Active> forks() {
    return forks;
  }

  /** Why it has to end now, finished or not; null where it may go on. */
  public @Nullable Finish reasonToEnd(long now) {
    if (stream.isCanceled()
        || (beams != null && forks.stream().anyMatch(fork -> fork.stream.isCanceled()))) {
      return Finish.CANCELED;
    }
    return deadline != Long.MAX_VALUE && now - submitted >= deadline ? Finish.TIMEOUT : null;
  }

  /** Whether something inside the model is kept or changed for it. */
  public boolean needsLens() {
    return request.watched() || !request.edits().isEmpty();
  }

  /** Its text; where it searches with beams, the one with the prompt. */
  public Branch branch() {
    return branch;
  }

  /** Its texts that have sequences. */
  public List<Branch> branches() {
    if (beams != null) {
      return beams.branches();
    }
    return branch.isRunning() ? List.of(branch) : List.of();
  }

  /** What follows its texts; null where there is one. */
  public @Nullable BeamSearch beams() {
    return beams;
  }

  /** Sequences that it, and those that wait for its prompt, may have at a time. */
  public int places() {
    return beams == null ? 1 + forks.size() : beams.width();
  }

  /** Begins, or begins again after {@link #stop}. */
  public void begin(Sequence empty, long now) {
    if (request.adaptation() != null) {
      empty.adapt(request.adaptation());
    }
    first().begin(empty);
    begun = begun == 0 ? now : begun;
  }

  /** The text that runs first. */
  public Branch first() {
    return beams == null ? branch : beams.first();
  }

  /** Goes on from the sequence of a request with the same prompt. */
  public void forkFrom(Active leader) {
    branch.forkFrom(leader.branch);
    join(leader);
  }

  /** Has what another request has computed of the same prompt. */
  private void join(Active leader) {
    begun = leader.begun;
    joined = true;
    logProbabilities.takePrompt(leader.logProbabilities);
  }

  /** Gives its memory back. */
  public void stop() {
    if (beams == null) {
      branch.stop();
    } else {
      beams.stop();
    }
  }

  /** Tokens of the prompt that were in the cache. */
  public int cachedTokens() {
    return joined ? request.promptTokens() : branch.cachedTokens();
  }

  /** How many tokens may be guessed; 0 for none. */
  public int guesses() {
    return forks.isEmpty()
        ? Math.clamp(options.tokens() - branch.generated() - 1, 0, request.draftTokens())
        : 0;
  }

  /** Tokens of prompts, or of what has to run again, that have to run before it generates. */
  public int pendingPrompt() {
    int pending = 0;
    for (Branch text : branches()) {
      pending += text.pending() > 1 ? text.pending() : 0;
    }
    return pending;
  }

  /** Whether the logits after a token of a text are wanted. */
  public boolean wantsLogits(Branch text, int position) {
    return position >= text.length() - 1 || logProbabilities.wantsPrompt(position);
  }

  /** Takes the logits after a token of the prompt. */
  public void takePrompt(int position, BatchFeed feed, int row) {
    logProbabilities.takePrompt(branch.token(position + 1), feed, row);
  }

  /**
   * Chooses the next token, from the logits after the last one.
   *
   * @return why the request has ended, or null
   */
  public @Nullable Finish choose(BatchFeed feed, int row, int positions) {
    if (options.tokens() == 0) {
      return Finish.LENGTH;
    }
    MemorySegment logits = feed.logits(row);
    Candidates candidates = feed.candidates(row);
    int token = sampler.sample(candidates, logits, allowed.next(branch.generated()));
    if (allowed.ends().contains(token)) {
      return Finish.STOP;
    }
    sampler.accept(token);
    branch.append(token);
    allowed = allowed.after(token);
    stream.publish(
        new GeneratedToken(
            token, answer.accept(token), logProbabilities.take(token, candidates, logits)));
    if (allowed.mustEnd() || answer.isStopped()) {
      return Finish.STOP;
    }
    if (branch.generated() == options.tokens()) {
      return Finish.LENGTH;
    }
    return branch.length() > positions ? Finish.CONTEXT : null;
  }

  /** Has an answer that a beam search has found for it. */
  public void take(BeamSearch.Hypothesis found, Active leader) {
    if (leader != this) {
      join(leader);
    }
    score = found.score();
    for (TokenLogProbability token : found.tokens()) {
      stream.publish(
          new GeneratedToken(
              token.token(), answer.accept(token.token()), logProbabilities.take(token)));
    }
  }

  /** Notes that tokens have come; returns the nanoseconds since those before. */
  public long tokensCame(long now) {
    long since = firstTokenAt == 0 ? submitted : lastTokenAt;
    firstTokenAt = firstTokenAt == 0 ? now : firstTokenAt;
    lastTokenAt = now;
    return now - since;
  }

  /** Ends it. */
  public Completion finish(Finish reason, @Nullable ActivationCache activations, long now) {
    stop();
    String rest = answer.finish();
    if (!rest.isEmpty()) {
      stream.publish(new GeneratedToken(-1, rest, null));
    }
    return new Completion(
        answer.result(request.promptTokens(), reason),
        cachedTokens(),
        logProbabilities.prompt(),
        logProbabilities.tokens(),
        activations,
        score,
        since(begun == 0 ? now : begun),
        since(firstTokenAt == 0 ? now : firstTokenAt),
        since(now));
  }

  private Duration since(long time) {
    return Duration.ofNanos(time - submitted);
  }
}
