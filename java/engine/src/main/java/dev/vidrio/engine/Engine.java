package dev.vidrio.engine;

import static dev.vidrio.error.InvalidInputException.requireRange;

import dev.vidrio.engine.draft.Drafts;
import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.engine.request.RunningRequest;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.generation.ReceiptRecorder;
import dev.vidrio.model.sampling.SamplingBuffers;
import dev.vidrio.model.session.Session;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Serves many requests to one model with continuous batching: a scheduling thread combines the next
 * tokens of all running requests into each step.
 *
 * {@snippet file="EngineExamples.java" region="submit"}
 *
 * <p>The answer to a request does not depend on other requests: its tokens and log-probabilities
 * have the same bits as when it runs alone. Requests that do not fit are rejected with {@link
 * InvalidInputException}; a full engine rejects them with {@link EngineException.QueueFull}.
 * Requests share cached prefixes, and are preempted and later recomputed if the cache is full.
 *
 * <p>Thread-safe. Virtual threads that wait for answers do not pin their carriers. The model
 * belongs to the caller and must stay open. Guide: {@code docs/engine.md}; design: {@code
 * docs/adr/018-engine.md}.
 */
public final class Engine implements AutoCloseable {
  private final Model model;
  private final EngineOptions options;
  private final EngineListener listener;
  private final int positions;
  private final Session session;
  private final Inbox<RunningRequest> inbox = new Inbox<>();
  private final Scheduler scheduler;
  private final Thread thread;
  private final SamplingBuffers buffers;
  private final AtomicLong arrivals = new AtomicLong();
  private int unfinished;
  private boolean draining;

  private Engine(Model model, EngineOptions asked, ThreadFactory threads) {
    this.model = model;
    EngineOptions wanted = CapacityPlan.feasible(model, asked);
    this.listener = new GuardedListener(wanted.listener());
    this.buffers = new SamplingBuffers(model.architecture().vocabulary());
    this.session = model.newSession(CapacityPlan.sessionOptions(model, wanted));
    this.positions = Admission.positions(session);
    this.options =
        wanted.withContext(session.limits().positions()).withCacheBytes(session.cache().bytes());
    this.scheduler = scheduler(wanted);
    try {
      this.thread = threads.newThread(() -> scheduler.run(this::lowerPriority));
      thread.start();
    } catch (Throwable e) {
      scheduler.close();
      throw e;
    }
  }

  /** Opens an engine with {@link EngineOptions#DEFAULT}. */
  public static Engine open(Model model) {
    return open(model, EngineOptions.DEFAULT);
  }

  /**
   * Opens an engine.
   *
   * @throws InvalidInputException if the options do not fit the model
   */
  public static Engine open(Model model, EngineOptions options) {
    return open(model, options, Thread.ofPlatform().daemon().name("vidrio-engine").factory());
  }

  /** Opens an engine with a scheduling thread of a factory. */
  static Engine open(Model model, EngineOptions options, ThreadFactory threads) {
    return new Engine(model, options, threads);
  }

  /** Lets submitting and reading threads run between steps. */
  private void lowerPriority() {
    model.executor().lowerPriority();
    Model draft = options.draft();
    if (draft != null) {
      draft.executor().lowerPriority();
    }
  }

  private Scheduler scheduler(EngineOptions wanted) {
    Drafts drafts = null;
    try {
      drafts = new Drafts(model, wanted.draft(), session, positions, wanted.adaptiveDrafts());
      return new Scheduler(model, wanted, listener, inbox, session, drafts, () -> release(1));
    } catch (RuntimeException | Error e) {
      if (drafts != null) {
        drafts.close();
      }
      session.close();
      throw e;
    }
  }

  /** Returns the model. */
  public Model model() {
    return model;
  }

  /**
   * Returns the options, with the context length and cache size that were chosen if none were
   * given, and the number of sequences that a model with recurrent states allows.
   */
  public EngineOptions options() {
    return options;
  }

  /** Returns the maximum number of tokens of a prompt and its answer. */
  public int positions() {
    return positions;
  }

  /**
   * Submits a request. For a turn of a conversation:
   *
   * {@snippet file="EngineExamples.java" region="chat"}
   *
   * @throws InvalidInputException if the prompt is empty or too long, or the request does not fit
   *     the model or the options of the engine
   * @throws EngineException.QueueFull if the queue is full, or the request would wait longer than
   *     {@link EngineOptions#maxWait}
   * @throws EngineException.Closed if the engine is draining or closed
   */
  public TokenStream submit(GenerationRequest request) {
    return submit(request, 1).getFirst();
  }

  /**
   * Submits a request for several answers to one prompt, which runs once; the answers share its
   * keys and values. Answer i uses the seed of the request plus i. With {@linkplain
   * GenerationRequest#beams beam search}, the answers are the n best, the best first, and end
   * together; canceling one cancels all.
   *
   * @throws InvalidInputException as {@link #submit(GenerationRequest)} does, and if {@code n}
   *     exceeds the number of sequences or beams
   * @throws EngineException as {@link #submit(GenerationRequest)} does
   */
  public List<TokenStream> submit(GenerationRequest request, int n) {
    model.loaded().requireDecoder();
    check(request, n);
    List<GenerationRequest> answers =
        IntStream.range(0, n).mapToObj(i -> ofAnswer(request, i)).toList();
    try {
      // Before a grammar is compiled, which a full engine need not do.
      reserve(n);
      return enqueue(answers);
    } catch (EngineException rejection) {
      answers.forEach(answer -> listener.forRequest(answer).onFailed(rejection));
      throw rejection;
    }
  }

  /** Enqueues requests with a reservation, or releases the reservation. */
  private List<TokenStream> enqueue(List<GenerationRequest> answers) {
    try {
      List<RunningRequest> group = new ArrayList<>();
      for (GenerationRequest answer : answers) {
        long arrival = arrivals.getAndIncrement();
        group.add(
            new RunningRequest(
                model,
                answer,
                arrival,
                positions,
                buffers,
                recorder(answer),
                options.streamInterval(),
                inbox::wake));
      }
      RunningRequest leader = group.getFirst();
      leader.forks().addAll(group.subList(1, group.size()));
      if (!inbox.add(leader)) {
        throw new EngineException.Closed(model.name());
      }
      return group.stream().<TokenStream>map(RunningRequest::stream).toList();
    } catch (RuntimeException | Error e) {
      release(answers.size());
      throw e;
    }
  }

  /** Returns the recorder of a request's receipt, or null. Hashes the model the first time. */
  private @Nullable ReceiptRecorder recorder(GenerationRequest answer) {
    return answer.options().receipt()
        ? new ReceiptRecorder(session, answer.options(), answer.stopTokens(), answer.minTokens())
        : null;
  }

  /**
   * Checks that a request would be accepted now, before the caller spends time on its prompt. The
   * request may still be rejected if others are submitted first.
   *
   * @param answers number of answers of the request
   * @throws EngineException as {@link #submit(GenerationRequest)} does
   */
  public void requireCapacity(int answers) {
    try {
      // More answers than the engine can ever hold are an error of the request, which submit
      // reports.
      rejectIfFull(Math.min(answers, options.sequences() + options.queue()));
    } catch (EngineException rejection) {
      for (int i = 0; i < answers; i++) {
        listener.onFailed(rejection);
      }
      throw rejection;
    }
  }

  private synchronized void reserve(int answers) {
    rejectIfFull(answers);
    unfinished += answers;
  }

  private synchronized void release(int answers) {
    unfinished -= answers;
    notifyAll();
  }

  private synchronized void rejectIfFull(int answers) {
    if (draining || inbox.isClosed()) {
      throw new EngineException.Closed(model.name());
    }
    if (unfinished + answers > options.sequences() + options.queue()) {
      throw new EngineException.QueueFull(
          "queue " + options.queue() + ": the queue is full",
          retryAfter(scheduler.stats.meanTime()));
    }
    rejectIfSlow(unfinished + answers);
  }

  /** Rejects a request that would wait too long as the last of {@code requests}. */
  private void rejectIfSlow(int requests) {
    Duration maxWait = options.maxWait();
    if (maxWait == null) {
      return;
    }
    Duration wait =
        scheduler
            .waits
            .expectedWait(requests)
            .orElseThrow(
                () ->
                    new EngineException.QueueFull(
                        "wait: is unknown before the first answer, and all slots are in use",
                        retryAfter(Duration.ZERO)));
    if (wait.compareTo(maxWait) > 0) {
      throw new EngineException.QueueFull(
          String.format(
              Locale.ROOT,
              "wait of about %.1f s: must be at most %.1f s",
              wait.toMillis() / 1000.0,
              maxWait.toMillis() / 1000.0),
          retryAfter(wait.minus(maxWait)));
    }
  }

  private static Duration retryAfter(Duration time) {
    Duration min = Duration.ofSeconds(1);
    return time.compareTo(min) < 0 ? min : time;
  }

  /**
   * Checks a request without submitting it.
   *
   * @throws InvalidInputException as {@link #submit(GenerationRequest)} does
   */
  public void check(GenerationRequest request) {
    check(request, 1);
  }

  private void check(GenerationRequest request, int n) {
    requireRange("n", n, 1, options.sequences());
    int length = request.promptTokens();
    if (length == 0 || length > positions) {
      throw new InvalidInputException(
          "prompt", length + " tokens", "must have 1 to " + positions + " tokens");
    }
    int last = model.architecture().vocabulary() - 1;
    for (int token : request.prompt()) {
      requireRange("token id", token, 0, last);
    }
    request.stopTokens().forEach(token -> requireRange("stop token id", token, 0, last));
    if (request.watched() && n > 1) {
      throw new InvalidInputException("n", n, "only one answer can be watched");
    }
    if (request.options().receipt()) {
      ReceiptRecorder.requireSupported(session);
    }
    checkBeams(request.beams(), n);
    checkAdapter(request.adaptation());
    scheduler.check(request);
  }

  private void checkBeams(@Nullable BeamOptions beams, int n) {
    if (beams == null) {
      return;
    }
    requireRange("beams", beams.width(), 1, options.sequences());
    if (n > beams.width()) {
      throw new InvalidInputException(
          "n", n, "must be at most the number of beams, " + beams.width());
    }
  }

  private void checkAdapter(@Nullable Adaptation adaptation) {
    if (adaptation == null) {
      return;
    }
    String name = adaptation.adapter().name();
    if (options.adapters() == 0) {
      throw new InvalidInputException("adapter", name, "the engine was opened without adapters");
    }
    if (adaptation.adapter().model() != model.loaded()) {
      throw new InvalidInputException("adapter", name, "was not opened for " + model.name());
    }
  }

  /** Returns the request of answer i: its seed, and the beam search for the first one only. */
  private GenerationRequest ofAnswer(GenerationRequest request, int i) {
    GenerationRequest.Builder answer = request.toBuilder();
    if (request.draftTokens() < 0) {
      answer.draftTokens(request.beams() == null ? options.draftTokens() : 0);
    }
    if (i > 0) {
      answer.seedOffset(i).beams(null);
    }
    return answer.build();
  }

  /** Returns the current load and cumulative counts. */
  public EngineStatus status() {
    return scheduler.counters.status();
  }

  /**
   * Rejects new requests and waits for the existing ones.
   *
   * @return true if all ended before the timeout
   */
  public synchronized boolean drain(Duration timeout) throws InterruptedException {
    draining = true;
    long end = System.nanoTime() + TimeUnit.NANOSECONDS.convert(timeout);
    while (unfinished > 0) {
      long left = (end - System.nanoTime()) / 1_000_000;
      if (left <= 0) {
        return false;
      }
      wait(left);
    }
    return true;
  }

  /** Returns whether the engine is draining or closed and rejects new requests. */
  public synchronized boolean isDraining() {
    return draining;
  }

  /**
   * Cancels all requests and frees the memory. Waits for a running step and, with a {@linkplain
   * EngineOptions#cacheDirectory cache directory}, up to five seconds for prefixes that are not yet
   * written; unless called by the scheduling thread, such as from a listener: then requests are
   * canceled after the call.
   */
  @Override
  public void close() {
    synchronized (this) {
      draining = true;
    }
    inbox.close();
    boolean interrupted = false;
    while (thread.isAlive() && !thread.equals(Thread.currentThread())) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
