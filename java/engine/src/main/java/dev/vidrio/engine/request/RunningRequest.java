package dev.vidrio.engine.request;

import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.sequence.TokenSequence;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.AllowedTokens;
import dev.vidrio.model.generation.AnswerDecoder;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.ReceiptRecorder;
import dev.vidrio.model.generation.TokenChooser;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.model.receipt.Receipt;
import dev.vidrio.model.sampling.Candidates;
import dev.vidrio.model.sampling.Sampler;
import dev.vidrio.model.sampling.SamplingBuffers;
import dev.vidrio.model.session.BatchRunner;
import dev.vidrio.model.session.Sequence;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A request for one answer, from its submission to its end. It has one token sequence, or several
 * with beam search. Used by the scheduler's thread only.
 */
public final class RunningRequest {
  /** Higher priority first, then the order of arrival. */
  public static final Comparator<RunningRequest> ORDER =
      Comparator.<RunningRequest>comparingInt(a -> -a.request.priority())
          .thenComparingLong(a -> a.arrival);

  private final GenerationRequest request;
  private final AnswerStream stream;
  private final List<RunningRequest> forks = new ArrayList<>();
  private final long arrival;
  private final GenerationOptions options;
  private final TokenChooser chooser;
  private final @Nullable ReceiptRecorder recorder;
  private final TokenSequence tokens;
  private final @Nullable BeamSearch beams;
  private final AnswerDecoder decoder;
  private final LogProbabilities logProbabilities;
  private final long submitted;
  private final long deadline;
  private @Nullable Double score;
  private boolean joined;
  private long begun;
  private long lastTokenAt;
  private long firstTokenAt;

  /**
   * Creates a request, and compiles its grammar.
   *
   * @param arrival increases from request to request
   * @param positions maximum length of a sequence
   * @param buffers those of the scheduler's thread
   * @param recorder records the answer for its receipt; null for none
   * @param streamInterval as in {@link AnswerStream}
   * @param onCancel as in {@link AnswerStream}
   */
  public RunningRequest(
      Model model,
      GenerationRequest request,
      long arrival,
      int positions,
      SamplingBuffers buffers,
      @Nullable ReceiptRecorder recorder,
      Duration streamInterval,
      Runnable onCancel) {
    this.request = request;
    this.arrival = arrival;
    this.options = request.options();
    this.stream = new AnswerStream(streamInterval, onCancel);
    var sampler = Sampler.of(model.loaded(), options.sampling(), buffers);
    var allowed =
        new AllowedTokens(model.loaded(), options, request.stopTokens(), request.minTokens());
    this.recorder = recorder;
    this.chooser = new TokenChooser(sampler, allowed, options.tokens(), recorder);
    this.decoder = new AnswerDecoder(model.tokenizer(), options.stop());
    this.logProbabilities = new LogProbabilities(request);
    this.submitted = System.nanoTime();
    Duration timeout = request.timeout();
    this.deadline = timeout == null ? Long.MAX_VALUE : nanos(timeout);
    this.tokens = new TokenSequence(request);
    BeamOptions search = request.beams();
    this.beams =
        search == null ? null : new BeamSearch(model, request, search, allowed, tokens, positions);
    chooser.acceptPrompt(request.prompt());
  }

  /** Clamps timeouts beyond a year to avoid overflow. */
  private static long nanos(Duration timeout) {
    return timeout.compareTo(Duration.ofDays(365)) > 0 ? Long.MAX_VALUE : timeout.toNanos();
  }

  /** Returns the request as submitted. */
  public GenerationRequest request() {
    return request;
  }

  /** Returns the stream of the answer. */
  public AnswerStream stream() {
    return stream;
  }

  /**
   * Returns the requests that wait for this one's prompt and fork from it; with beam search, those
   * that receive its second best answer and so on.
   */
  public List<RunningRequest> forks() {
    return forks;
  }

  /** Returns why the request must end now although it is not finished, or null. */
  public @Nullable FinishReason reasonToEnd(long now) {
    if (stream.isCanceled()
        || (beams != null && forks.stream().anyMatch(fork -> fork.stream.isCanceled()))) {
      return FinishReason.CANCELED;
    }
    return deadline != Long.MAX_VALUE && now - submitted >= deadline ? FinishReason.TIMEOUT : null;
  }

  /** Returns whether activations of the request are captured or edited. */
  public boolean needsLens() {
    return request.watched() || !request.edits().isEmpty();
  }

  /** Returns the token sequence; with beam search, that of the prompt. */
  public TokenSequence tokens() {
    return tokens;
  }

  /** Returns the token sequences that are running. */
  public List<TokenSequence> sequences() {
    if (beams != null) {
      return beams.sequences();
    }
    return tokens.isRunning() ? List.of(tokens) : List.of();
  }

  /** Returns the beam search, or null. */
  public @Nullable BeamSearch beams() {
    return beams;
  }

  /** Returns the maximum number of sequences of this request and its forks. */
  public int maxSequences() {
    return beams == null ? 1 + forks.size() : beams.width();
  }

  /** Begins with an empty sequence, or begins again after {@link #stop}. */
  public void begin(Sequence empty, long now) {
    if (request.adaptation() != null) {
      empty.adapt(request.adaptation());
    }
    first().begin(empty);
    begun = begun == 0 ? now : begun;
  }

  /** Returns the token sequence that runs the prompt. */
  public TokenSequence first() {
    return beams == null ? tokens : beams.first();
  }

  /** Continues from the sequence of a request with the same prompt. */
  public void forkFrom(RunningRequest leader) {
    tokens.forkFrom(leader.tokens);
    join(leader);
  }

  /** Copies the results of another request's prompt. */
  private void join(RunningRequest leader) {
    begun = leader.begun;
    joined = true;
    logProbabilities.copyPrompt(leader.logProbabilities);
  }

  /** Releases the memory of its sequences. */
  public void stop() {
    if (beams == null) {
      tokens.stop();
    } else {
      beams.stop();
    }
  }

  /** Returns the number of prompt tokens that did not run for this request. */
  public int cachedTokens() {
    return joined ? request.promptTokens() : tokens.cachedTokens();
  }

  /** Returns the maximum number of draft tokens of the next step. */
  public int maxDraftTokens() {
    return forks.isEmpty()
        ? Math.clamp(options.tokens() - tokens.generated() - 1, 0, request.draftTokens())
        : 0;
  }

  /** Returns the number of prompt tokens, or tokens to run again, before the next is generated. */
  public int pendingPrompt() {
    return sequences().stream().mapToInt(TokenSequence::pending).filter(n -> n > 1).sum();
  }

  /** Returns whether the logits after a token are needed. */
  public boolean wantsLogits(TokenSequence of, int position) {
    return position >= of.length() - 1 || logProbabilities.wantsPrompt(position);
  }

  /** Adds the log-probability of the prompt token after a position. */
  public void addPrompt(int position, BatchRunner runner, int row) {
    logProbabilities.addPrompt(tokens.token(position + 1), runner, row);
  }

  /**
   * Chooses the next token from a row of logits and publishes it.
   *
   * @return why the request has ended, or null
   */
  public @Nullable FinishReason choose(BatchRunner runner, int row, int positions) {
    FinishReason before = chooser.finishReason(false);
    if (before != null) {
      return before;
    }
    MemorySegment logits = runner.logits(row);
    Candidates candidates = runner.candidates(row);
    int token = chooser.choose(candidates, logits);
    if (chooser.isEnd(token)) {
      return FinishReason.STOP;
    }
    chooser.accept(token);
    tokens.append(token);
    stream.publish(decoder.accept(token, logProbabilities.add(token, candidates, logits)));
    return decoder.isStopped()
        ? FinishReason.STOP
        : chooser.finishReason(tokens.length() > positions);
  }

  /** Publishes an answer that a beam search has found for this request. */
  public void accept(BeamSearch.Hypothesis found, RunningRequest leader) {
    if (leader != this) {
      join(leader);
    }
    score = found.score();
    for (TokenLogProbability token : found.tokens()) {
      stream.publish(decoder.accept(token.token(), logProbabilities.add(token)));
    }
  }

  /** Records that tokens were generated; returns the nanoseconds since the previous ones. */
  public long recordTokens(long now) {
    long since = firstTokenAt == 0 ? submitted : lastTokenAt;
    firstTokenAt = firstTokenAt == 0 ? now : firstTokenAt;
    lastTokenAt = now;
    return now - since;
  }

  /** Ends the request, releases its memory and returns its result. */
  public Completion finish(FinishReason reason, @Nullable ActivationCache activations, long now) {
    stop();
    GeneratedToken rest = decoder.finish();
    if (!rest.text().isEmpty() || !rest.markedText().isEmpty()) {
      stream.publish(rest);
    }
    return new Completion(
        decoder.result(request.promptTokens(), reason).withReceipt(receipt(reason)),
        cachedTokens(),
        logProbabilities.prompt(),
        logProbabilities.tokens(),
        activations,
        score,
        since(begun == 0 ? now : begun),
        since(firstTokenAt == 0 ? now : firstTokenAt),
        since(now));
  }

  private @Nullable Receipt receipt(FinishReason reason) {
    return recorder == null || begun == 0
        ? null
        : recorder.receipt(request.prompt(), request.adaptation(), decoder.tokens(), reason);
  }

  private Duration since(long time) {
    return Duration.ofNanos(time - submitted);
  }
}
