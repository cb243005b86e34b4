package dev.vidrio.engine;

import dev.vidrio.engine.draft.Drafts;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.pace.CompletionStats;
import dev.vidrio.engine.pace.PrefillBudget;
import dev.vidrio.engine.pace.WaitEstimator;
import dev.vidrio.engine.request.BeamSearch;
import dev.vidrio.engine.request.RunningRequest;
import dev.vidrio.engine.sequence.PrefixCache;
import dev.vidrio.engine.sequence.PrefixDisk;
import dev.vidrio.engine.sequence.TokenSequence;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.state.StateDirectory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/**
 * Runs requests together, step by step (continuous batching: Yu et al. 2022, Orca, OSDI). Between
 * two steps it receives new requests, finishes canceled and expired ones, and lets waiting requests
 * begin as far as there is memory. If the cache is full, the most recent request of the lowest
 * priority is preempted: its memory is released, and it is computed again later, to the same bits.
 */
final class Scheduler {
  /** Time for writing prefixes to disk when the engine is closed. */
  private static final Duration MAX_FLUSH = Duration.ofSeconds(5);

  private final EngineOptions options;
  private final EngineListener listener;
  private final Session session;
  private final KvCache cache;
  private final PrefixCache prefixes;
  private final @Nullable PrefixDisk disk;
  private final Drafts drafts;
  private final LensSteps lens;
  private final Step step;
  private final PrefillBudget budget = new PrefillBudget();
  final CompletionStats stats = new CompletionStats();
  final WaitEstimator waits;
  private final Admission admission;
  private final RequestCompletion completion;
  private final int positions;
  private final Inbox<RunningRequest> inbox;
  private final PriorityQueue<RunningRequest> waiting = new PriorityQueue<>(RunningRequest.ORDER);
  private final List<RunningRequest> running = new ArrayList<>();
  final Counters counters;

  /**
   * Creates a scheduler.
   *
   * @param options the options of the engine
   * @param listener receives events and never throws
   * @param inbox delivers requests; the scheduler ends when it is closed
   * @param session runs the steps; closed by the scheduler
   * @param drafts closed by the scheduler
   * @param onEnd is called after each request
   */
  Scheduler(
      Model model,
      EngineOptions options,
      EngineListener listener,
      Inbox<RunningRequest> inbox,
      Session session,
      Drafts drafts,
      Runnable onEnd) {
    this.options = options;
    this.inbox = inbox;
    this.listener = listener;
    this.session = session;
    this.cache = session.cache();
    this.disk = disk(options, session, inbox::wake);
    this.prefixes =
        options.prefixCache()
            ? PrefixCache.of(cache, this::runningSequences, disk)
            : PrefixCache.NONE;
    this.lens = new LensSteps(options.lens(), model, session);
    this.drafts = drafts;
    this.step = new Step(session, prefixes, drafts);
    this.waits = new WaitEstimator(options.sequences(), stats, budget);
    this.admission = new Admission(options.sequences(), session, prefixes, lens, stats);
    this.counters = new Counters(cache, prefixes, disk);
    this.completion =
        new RequestCompletion(session, listener, drafts, lens, stats, counters, onEnd);
    this.positions = Admission.positions(session);
  }

  /**
   * Checks a request's captures, edits and beam search. Thread-safe.
   *
   * @throws dev.vidrio.error.InvalidInputException if the engine was not opened for its captures
   *     and edits, or has too little memory for its beams
   */
  void check(GenerationRequest request) {
    lens.check(request);
    admission.check(request);
  }

  private static @Nullable PrefixDisk disk(
      EngineOptions options, Session session, Runnable onWritten) {
    Path directory = options.cacheDirectory();
    return directory == null
        ? null
        : new PrefixDisk(
            StateDirectory.open(directory, options.cacheDirectoryBytes()), session, onWritten);
  }

  private Iterator<TokenSequence> runningSequences() {
    return running.stream().map(RunningRequest::first).iterator();
  }

  /**
   * Runs until the inbox is closed.
   *
   * @param first runs before the first step, on the same thread
   */
  void run(Runnable first) {
    inbox.openForThisThread();
    Throwable failure = null;
    try {
      first.run();
      while (!inbox.isClosed()) {
        session.requireOpen();
        inbox.moveTo(waiting);
        finishExpired(System.nanoTime());
        begin(System.nanoTime());
        if (!running.isEmpty()) {
          runStep();
        }
        if (disk != null) {
          disk.advance(!running.isEmpty());
        }
        sendNotifications();
        awaitWork();
      }
    } catch (RuntimeException | Error e) {
      failure = e;
      if (!session.isClosed()) {
        throw e;
      }
      // The model was closed before the engine. Its requests fail; that is not an error of the
      // engine.
    } finally {
      end(failure);
    }
  }

  /** Frees the memory of a scheduler that does not run. */
  void close() {
    end(null);
  }

  /** Ends all requests, with the failure if there is one, and frees the memory. */
  private void end(@Nullable Throwable failure) {
    inbox.close();
    inbox.moveTo(waiting);
    List<RunningRequest> rest = new ArrayList<>(running);
    rest.addAll(waiting);
    running.clear();
    waiting.clear();
    try {
      for (RunningRequest active : rest) {
        if (failure == null) {
          completion.cancel(active);
        } else {
          completion.fail(active, failure);
        }
      }
      sendNotifications();
      if (disk != null) {
        disk.close(MAX_FLUSH);
      }
      prefixes.clear();
      sendNotifications();
    } finally {
      drafts.close();
      lens.close();
    }
  }

  /** Blocks while there are no requests, after all memory of the cache is allocated. */
  private void awaitWork() {
    if (running.isEmpty() && waiting.isEmpty() && !prepareMemory()) {
      inbox.await();
    }
  }

  /**
   * Allocates the next block of a cache with a given size; a cache of the default size is allocated
   * on demand. Returns false if all blocks are allocated.
   */
  private boolean prepareMemory() {
    return options.cacheBytes() > 0 && cache.prefault();
  }

  /** Finishes canceled and expired requests. */
  private void finishExpired(long now) {
    waiting.addAll(completion.finishExpired(running, now));
    waiting.addAll(completion.finishExpired(waiting, now));
  }

  /** Lets waiting requests begin, as far as there are slots and memory. */
  private void begin(long now) {
    for (RunningRequest next = waiting.peek();
        next != null && admission.admits(next, running);
        next = waiting.peek()) {
      waiting.remove();
      try {
        next.begin(session.newSequence(), now);
        lens.begin(next);
        running.add(next);
        running.sort(RunningRequest.ORDER);
      } catch (RuntimeException | Error e) {
        completion.fail(next, e);
      }
    }
  }

  private void runStep() {
    long start = System.nanoTime();
    long drafted;
    step.clear();
    try {
      drafts.prepare(running, stats);
      drafted = System.nanoTime();
      compose();
      step.run();
    } catch (RuntimeException | Error e) {
      failStep(e);
      return;
    }
    long now = System.nanoTime();
    start += step.loadingNanos; // not work of the model
    budget.observe(step.decoding, step.prompt, (double) (now - start));
    counters.steps++;
    readRows(now);
    if (step.decoding > 0 && step.prompt == 0 && step.runner == session) {
      drafts.observe(step.decoding, (double) (now - drafted - step.loadingNanos));
    }
    listener.onStep(step.decoding + step.prompt, step.parts.size(), Duration.ofNanos(now - start));
  }

  private void compose() {
    step.begin(lens.runner(running));
    int prompts = 0;
    for (int i = 0; i < running.size(); i++) {
      RunningRequest active = running.get(i);
      for (TokenSequence tokens : active.sequences()) {
        if (tokens.pending() == 1) {
          step.addToken(active, tokens, this::preemptFor);
        } else {
          prompts++;
        }
      }
    }
    int max = budget.promptTokens(step.decoding, prompts, step.freeTokens);
    for (int i = 0; i < running.size() && max > step.prompt; i++) {
      RunningRequest active = running.get(i);
      for (TokenSequence tokens : active.sequences()) {
        if (tokens.pending() > 1 && max > step.prompt) {
          step.addChunk(active, tokens, max - step.prompt, this::preemptFor);
        }
      }
    }
  }

  /**
   * Preempts the last running request that is not in the step, for the memory of another one.
   * Returns false if there is none after that one.
   */
  private boolean preemptFor(RunningRequest active) {
    for (int i = running.size() - 1; i >= 0; i--) {
      RunningRequest victim = running.get(i);
      if (victim == active && !step.parts.isEmpty()) {
        return false;
      }
      if (!step.has(victim) && victim != active) {
        running.remove(i);
        completion.stop(victim);
        victim.stream().flush();
        waiting.add(victim);
        counters.preemptions++;
        return true;
      }
    }
    return false;
  }

  /** Fails the requests of the step, or all running requests if the step is empty. */
  private void failStep(Throwable cause) {
    List<RunningRequest> failed =
        step.parts.isEmpty()
            ? List.copyOf(running)
            : step.parts.stream().map(part -> part.active).toList();
    for (RunningRequest active : failed) {
      if (running.remove(active)) {
        completion.fail(active, cause);
      }
    }
  }

  private void readRows(long now) {
    int row = 0;
    for (Step.Part part : step.parts) {
      int begin = row;
      while (row < step.rows.size() && step.rows.get(row).part() == part) {
        row++;
      }
      if (!part.tokens.isRunning()) {
        // Another sequence of the request has failed.
        continue;
      }
      try {
        readLogits(part, begin, row, now);
      } catch (RuntimeException | Error e) {
        running.remove(part.active);
        completion.fail(part.active, e);
      }
    }
  }

  /** Chooses tokens from rows [begin, end) of logits, those of one part. */
  private void readLogits(Step.Part part, int begin, int end, long now) {
    RunningRequest active = part.active;
    if (active.beams() != null) {
      readBeamLogits(part, active.beams(), begin, end, now);
      return;
    }
    int before = active.tokens().generated();
    FinishReason finish = null;
    for (int row = begin; row < end; row++) {
      int position = step.rows.get(row).position();
      if (position + 1 < active.request().promptTokens()) {
        active.addPrompt(position, step.runner, row);
        continue;
      }
      fork(active, row, now);
      finish = active.choose(step.runner, row, positions);
      int accepted = part.tokens.generated() - before - 1;
      if (finish != null
          || accepted == part.draft.length
          || part.tokens.lastToken() != part.draft[accepted]) {
        break;
      }
    }
    int accepted = Math.max(0, part.tokens.generated() - before - 1);
    counters.draftTokens += part.draft.length;
    counters.acceptedTokens += accepted;
    drafts.compare(active, accepted);
    settle(active, before, finish, now);
  }

  /** Adds rows [begin, end) of logits, those of one beam, to a beam search. */
  private void readBeamLogits(Step.Part part, BeamSearch beams, int begin, int end, long now) {
    RunningRequest active = part.active;
    for (int row = begin; row < end; row++) {
      int position = step.rows.get(row).position();
      if (position + 1 < active.request().promptTokens()) {
        active.addPrompt(position, step.runner, row);
      } else {
        beams.addLogits(part.tokens, step.runner, row);
      }
    }
    prefixes.keep(part.tokens);
    beams.advance();
    if (beams.isDone()) {
      running.remove(active);
      completion.finish(active, FinishReason.STOP, now);
    }
  }

  /** Starts the requests with the same prompt from the row after it. */
  private void fork(RunningRequest leader, int row, long now) {
    while (!leader.forks().isEmpty()) {
      RunningRequest fork = leader.forks().getFirst();
      fork.forkFrom(leader);
      FinishReason finish = fork.choose(step.runner, row, positions);
      leader.forks().removeFirst();
      running.add(fork);
      settle(fork, 0, finish, now);
    }
    running.sort(RunningRequest.ORDER);
  }

  private void settle(RunningRequest active, int before, @Nullable FinishReason finish, long now) {
    TokenSequence tokens = active.tokens();
    tokens.rollbackDraft();
    prefixes.keep(tokens);
    int generated = tokens.generated() - before;
    if (before == 0 && (generated > 0 || finish != null)) {
      counters.countPrompt(active);
    }
    if (generated > 0) {
      counters.generatedTokens += generated;
      listener
          .forRequest(active.request())
          .onTokens(before == 0, generated, Duration.ofNanos(active.recordTokens(now)));
    }
    if (finish != null) {
      prefixes.end(tokens);
      running.remove(active);
      completion.finish(active, finish, now);
    }
  }

  /** Notifies readers of ended answers, after the status and the listener were updated. */
  private void sendNotifications() {
    long now = System.nanoTime();
    if (running.isEmpty() || completion.hasNotifications() || counters.isOld(now)) {
      counters.publish(running.size(), waiting.size(), now);
      if (options.maxWait() != null) {
        waits.observe(running, !waiting.isEmpty(), now);
      }
    }
    completion.sendNotifications();
  }
}
