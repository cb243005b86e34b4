package dev.vidrio.engine;

import dev.vidrio.engine.draft.DraftModel;
import dev.vidrio.engine.draft.Drafts;
import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.engine.text.Active;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Adaptation;
import dev.vidrio.model.GenerationOptions;
import dev.vidrio.model.Model;
import dev.vidrio.model.Session;
import dev.vidrio.model.sampling.SamplingBuffers;
import dev.vidrio.model.sampling.SamplingOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Runs many requests to a model with continuous batching: its own thread puts the next tokens of
 * all of them into each step.
 *
 * {@snippet file="EngineExamples.java" region="submit"}
 *
 * <p>A request's answer does not depend on what else runs: its tokens and log-probabilities have
 * the same bits as alone. Any thread may call any method; virtual threads that wait for answers
 * hold no carrier. The model belongs to the caller and must stay open.
 */
public final class Engine implements AutoCloseable {
  private final Model model;
  private final EngineOptions options;
  private final EngineListener listener;
  private final int positions;
  private final Inbox inbox = new Inbox();
  private final Scheduler scheduler;
  private final Thread thread;
  private final SamplingBuffers buffers;
  private final AtomicLong arrivals = new AtomicLong();
  private int unfinished;
  private boolean draining;

  private Engine(Model model, EngineOptions asked) {
    this.model = model;
    EngineOptions wanted = Room.possible(model, asked);
    this.listener = new GuardedListener(wanted.listener());
    this.buffers = new SamplingBuffers(model.architecture().vocabulary());
    Session session = model.newSession(Room.of(model, wanted));
    this.positions = Admission.positions(session);
    this.options =
        wanted.withContext(session.limits().positions()).withCacheBytes(session.cache().bytes());
    this.scheduler = scheduler(wanted, session, drafts(session));
    this.thread = Thread.ofPlatform().daemon().name("vidrio-engine").start(this::run);
  }

  /** Opens an engine with {@link EngineOptions#DEFAULT}. */
  public static Engine open(Model model) {
    return open(model, EngineOptions.DEFAULT);
  }

  /**
   * Opens an engine.
   *
   * @throws InvalidInputException when the options do not fit the model
   */
  public static Engine open(Model model, EngineOptions options) {
    return new Engine(model, options);
  }

  private void run() {
    scheduler.run(this::stepAside);
  }

  /** Steps leave the processor to those who hand requests over and take answers. */
  private void stepAside() {
    model.executor().stepAside();
    Model draft = options.draft();
    if (draft != null) {
      draft.executor().stepAside();
    }
  }

  private Drafts drafts(Session session) {
    Model draft = options.draft();
    try {
      return draft == null
          ? Drafts.LOOK_UP
          : new DraftModel(model, draft, options.sequences(), options.stepTokens(), positions);
    } catch (RuntimeException | Error e) {
      session.close();
      throw e;
    }
  }

  private Scheduler scheduler(EngineOptions wanted, Session session, Drafts drafts) {
    try {
      return new Scheduler(wanted, listener, inbox, session, drafts, this::ended);
    } catch (RuntimeException | Error e) {
      drafts.close();
      session.close();
      throw e;
    }
  }

  /** The model. */
  public Model model() {
    return model;
  }

  /**
   * Its options, with the context and the memory that it chose where none was given, and what a
   * model with states allows.
   */
  public EngineOptions options() {
    return options;
  }

  /** The most tokens that a prompt and its answer can have. */
  public int positions() {
    return positions;
  }

  /**
   * Hands over a request. That of a conversation:
   *
   * {@snippet file="EngineExamples.java" region="chat"}
   *
   * @throws InvalidInputException when the prompt is empty or too long, or something in the request
   *     does not fit the model
   * @throws EngineException.QueueFull when as many wait as there is room for, or it would wait
   *     longer than a request may
   * @throws EngineException.Closed when the engine drains or is closed
   */
  public TokenStream submit(GenerationRequest request) {
    return submit(request, 1).getFirst();
  }

  /**
   * Hands over a request for several answers to one prompt, which runs once: they share its keys
   * and values. The i-th answer draws the random numbers of the request's seed plus i; where the
   * request searches with {@linkplain GenerationRequest#beams beams}, the answers are the n best,
   * the best first, and end together: canceling one cancels all.
   *
   * @throws InvalidInputException as {@link #submit(GenerationRequest)} does, and when there are
   *     more answers than sequences or beams
   * @throws EngineException as {@link #submit(GenerationRequest)} does
   */
  public List<TokenStream> submit(GenerationRequest request, int n) {
    check(request, n);
    List<GenerationRequest> answers =
        IntStream.range(0, n).mapToObj(i -> ofAnswer(request, i)).toList();
    try {
      // Before the work that a grammar is: a full engine refuses without it.
      takePlaces(n);
      return enter(answers);
    } catch (EngineException refusal) {
      answers.forEach(answer -> listener.forRequest(answer).onFailed(refusal));
      throw refusal;
    }
  }

  /** Hands over what has its places, or gives them back. */
  private List<TokenStream> enter(List<GenerationRequest> answers) {
    try {
      List<Active> group = new ArrayList<>();
      for (GenerationRequest answer : answers) {
        long arrival = arrivals.getAndIncrement();
        group.add(
            new Active(
                model, answer, arrival, positions, buffers, options.streamInterval(), inbox::wake));
      }
      Active leader = group.getFirst();
      leader.forks().addAll(group.subList(1, group.size()));
      if (!inbox.add(leader)) {
        throw new EngineException.Closed(model.name());
      }
      return group.stream().<TokenStream>map(Active::stream).toList();
    } catch (RuntimeException | Error e) {
      leavePlaces(answers.size());
      throw e;
    }
  }

  /**
   * Checks that a request would be taken, for who has yet to spend something on its prompt. Where
   * others come first, it may be refused all the same.
   *
   * @param answers that it is for
   * @throws EngineException as {@link #submit(GenerationRequest)} does
   */
  public void requireRoom(int answers) {
    try {
      // More than there is ever room for are an error of the request, which submit tells.
      refuseWithoutRoom(Math.min(answers, options.sequences() + options.queue()));
    } catch (EngineException refusal) {
      for (int i = 0; i < answers; i++) {
        listener.onFailed(refusal);
      }
      throw refusal;
    }
  }

  private synchronized void takePlaces(int answers) {
    refuseWithoutRoom(answers);
    unfinished += answers;
  }

  private synchronized void leavePlaces(int answers) {
    unfinished -= answers;
    notifyAll();
  }

  private synchronized void refuseWithoutRoom(int answers) {
    if (draining || inbox.isClosed()) {
      throw new EngineException.Closed(model.name());
    }
    if (unfinished + answers > options.sequences() + options.queue()) {
      throw EngineException.QueueFull.ofPlaces(options.queue(), retryAfter(scheduler.meanAnswer()));
    }
    requireSoon(unfinished + answers);
  }

  /** Checks that the last of so many requests need not wait too long. */
  private void requireSoon(int requests) {
    Duration maxWait = options.maxWait();
    if (maxWait == null) {
      return;
    }
    Duration wait = scheduler.expectedWait(requests);
    if (wait.compareTo(maxWait) > 0) {
      throw EngineException.QueueFull.ofTime(maxWait, wait, retryAfter(wait.minus(maxWait)));
    }
  }

  private static Duration retryAfter(Duration time) {
    Duration least = Duration.ofSeconds(1);
    return time.compareTo(least) < 0 ? least : time;
  }

  /**
   * Checks a request without handing it over.
   *
   * @throws InvalidInputException as {@link #submit(GenerationRequest)} does
   */
  public void check(GenerationRequest request) {
    check(request, 1);
  }

  private void check(GenerationRequest request, int n) {
    if (n < 1 || n > options.sequences()) {
      throw new InvalidInputException(
          "n", Integer.toString(n), "must be 1 to " + options.sequences());
    }
    int length = request.promptTokens();
    if (length == 0 || length > positions) {
      throw new InvalidInputException(
          "prompt", length + " tokens", "must have 1 to " + positions + " tokens");
    }
    int vocabulary = model.architecture().vocabulary();
    for (int token : request.prompt()) {
      requireToken("token id", token, vocabulary);
    }
    request.stopTokens().forEach(token -> requireToken("stop token id", token, vocabulary));
    if (request.watched() && n > 1) {
      throw new InvalidInputException("n", Integer.toString(n), "only one answer can be watched");
    }
    checkBeams(request.beams(), n);
    checkAdapter(request.adaptation());
    scheduler.check(request);
  }

  private void checkBeams(@Nullable BeamOptions beams, int n) {
    if (beams == null) {
      return;
    }
    if (beams.width() > options.sequences()) {
      throw new InvalidInputException(
          "beams", Integer.toString(beams.width()), "must be 1 to " + options.sequences());
    }
    if (n > beams.width()) {
      throw new InvalidInputException(
          "n", Integer.toString(n), "must be at most the number of beams, " + beams.width());
    }
  }

  private void checkAdapter(@Nullable Adaptation adaptation) {
    if (adaptation == null) {
      return;
    }
    String name = adaptation.adapter().name();
    if (options.adapters() == 0) {
      throw new InvalidInputException("adapter", name, "the engine was opened for none");
    }
    if (adaptation.adapter().model() != model) {
      throw new InvalidInputException("adapter", name, "was not opened for " + model.name());
    }
  }

  private static void requireToken(String field, int token, int vocabulary) {
    if (token < 0 || token >= vocabulary) {
      throw new InvalidInputException(
          field, Integer.toString(token), "must be 0 to " + (vocabulary - 1));
    }
  }

  /** Another answer's own seed; a beam search is the first one's. */
  private GenerationRequest ofAnswer(GenerationRequest request, int i) {
    GenerationRequest.Builder answer = request.toBuilder();
    if (request.draftTokens() < 0) {
      answer.draftTokens(request.beams() == null ? options.draftTokens() : 0);
    }
    if (i > 0) {
      GenerationOptions generation = request.options();
      SamplingOptions sampling = generation.sampling();
      answer.options(generation.withSampling(sampling.withSeed(sampling.seed() + i))).beams(null);
    }
    return answer.build();
  }

  private void ended() {
    leavePlaces(1);
  }

  /** What it is doing. */
  public EngineStatus status() {
    return scheduler.status();
  }

  /**
   * Takes no more requests and waits for those that it has.
   *
   * @return whether all have ended in time
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

  /** Whether it takes no more requests: it drains, or is closed. */
  public synchronized boolean isDraining() {
    return draining;
  }

  /**
   * Cancels all requests, and frees the memory. Waits for a step that is running, but where the
   * engine's own thread calls, such as in a listener: then all that is done after the call.
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
