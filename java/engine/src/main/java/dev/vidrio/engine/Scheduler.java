package dev.vidrio.engine;

import dev.vidrio.engine.draft.Drafts;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.pace.Answers;
import dev.vidrio.engine.pace.Outlook;
import dev.vidrio.engine.pace.StepPace;
import dev.vidrio.engine.text.Active;
import dev.vidrio.engine.text.BeamSearch;
import dev.vidrio.engine.text.Branch;
import dev.vidrio.engine.text.PrefixCache;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.model.Generator.Finish;
import dev.vidrio.model.Session;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/**
 * Runs requests together, step by step (continuous batching: Yu et al. 2022, Orca, OSDI). Between
 * two steps it takes new requests, lets go of those that are canceled or late, and lets as many of
 * those that wait begin as there is memory for. Where the memory does not last, the request that
 * came last and has the lowest priority gives its own back and waits; it is computed anew later, to
 * the same bits.
 */
final class Scheduler {
  private final EngineOptions options;
  private final EngineListener listener;
  private final Session session;
  private final KvCache cache;
  private final PrefixCache prefixes;
  private final Drafts drafts;
  private final LensSteps lens;
  private final Step step;
  private final StepPace pace = new StepPace();
  private final Answers answers = new Answers();
  private final Outlook outlook;
  private final Admission admission;
  private final Endings endings;
  private final int positions;
  private final Inbox inbox;
  private final PriorityQueue<Active> waiting = new PriorityQueue<>(Active.ORDER);
  private final List<Active> running = new ArrayList<>();
  private final Counters counters = new Counters();
  private final StatusBoard board;

  /**
   * @param options as the user gave them
   * @param listener is told what happens, and throws nothing
   * @param inbox where requests come from; it ends when this is closed
   * @param session closed with the scheduler
   * @param drafts closed with the scheduler
   * @param onEnd is called after each request
   */
  Scheduler(
      EngineOptions options,
      EngineListener listener,
      Inbox inbox,
      Session session,
      Drafts drafts,
      Runnable onEnd) {
    this.options = options;
    this.inbox = inbox;
    this.listener = listener;
    this.session = session;
    this.cache = session.cache();
    this.prefixes = options.prefixCache() ? PrefixCache.of(cache, running) : PrefixCache.NONE;
    this.lens = new LensSteps(options.lens(), session);
    this.drafts = drafts;
    this.step = new Step(session, prefixes, drafts);
    this.outlook = new Outlook(options.sequences(), answers, pace);
    this.admission = new Admission(options.sequences(), session, prefixes, lens, answers);
    this.endings = new Endings(session, listener, drafts, lens, answers, counters, onEnd);
    this.positions = Admission.positions(session);
    this.board = new StatusBoard(counters, cache, prefixes);
  }

  /**
   * Checks whether a request can run here; by any thread.
   *
   * @throws dev.vidrio.error.InvalidInputException when the engine was not opened for what it wants
   *     to see and change, or has too little memory for its beams
   */
  void check(GenerationRequest request) {
    lens.check(request);
    admission.check(request);
  }

  /** What it is doing; by any thread. */
  EngineStatus status() {
    return board.status();
  }

  /** An answer's mean time, for those who have to wait; by any thread. */
  Duration meanAnswer() {
    return answers.meanTime();
  }

  /**
   * How long the last of so many requests will wait until its prompt runs, where that has a limit;
   * by any thread.
   */
  Duration expectedWait(int unfinished) {
    return outlook.expectedWait(unfinished);
  }

  /**
   * Runs until the inbox is closed.
   *
   * @param first is done before
   */
  void run(Runnable first) {
    inbox.openForThisThread();
    Throwable failure = null;
    try {
      first.run();
      while (!inbox.isClosed()) {
        session.requireOpen();
        inbox.moveTo(waiting);
        letGo(System.nanoTime());
        begin(System.nanoTime());
        if (!running.isEmpty()) {
          runStep();
        }
        tell();
        rest();
      }
    } catch (RuntimeException | Error e) {
      failure = e;
      if (!session.isClosed()) {
        throw e;
      }
      // The model was closed before the engine: its requests are told, and nothing else is wrong.
    } finally {
      end(failure);
    }
  }

  /** Ends all requests, by what went wrong where something did, and frees the memory. */
  private void end(@Nullable Throwable failure) {
    inbox.close();
    inbox.moveTo(waiting);
    List<Active> rest = new ArrayList<>(running);
    rest.addAll(waiting);
    running.clear();
    waiting.clear();
    try {
      for (Active active : rest) {
        if (failure == null) {
          endings.cancel(active);
        } else {
          endings.fail(active, failure);
        }
      }
      prefixes.clear();
      tell();
    } finally {
      drafts.close();
      lens.close();
    }
  }

  /** Sleeps where there is nothing to do, but get ready for more. */
  private void rest() {
    if (running.isEmpty() && waiting.isEmpty() && !prepareMemory()) {
      inbox.await();
    }
  }

  /**
   * Gets the next block's memory where its amount was asked for; what is chosen may stay unused.
   */
  private boolean prepareMemory() {
    return options.cacheBytes() > 0 && cache.prepare();
  }

  /** Ends what is canceled or late. */
  private void letGo(long now) {
    waiting.addAll(endings.letGo(running, now));
    waiting.addAll(endings.letGo(waiting, now));
  }

  /** Lets those that wait begin, as far as there are places and memory. */
  private void begin(long now) {
    for (Active next = waiting.peek();
        next != null && admission.admits(next, running);
        next = waiting.peek()) {
      waiting.remove();
      try {
        next.begin(session.newSequence(), now);
        lens.begin(next);
        running.add(next);
        running.sort(Active.ORDER);
      } catch (RuntimeException | Error e) {
        endings.fail(next, e);
      }
    }
  }

  private void runStep() {
    long start = System.nanoTime();
    step.clear();
    try {
      drafts.prepare(running);
      compose();
      step.run();
    } catch (RuntimeException | Error e) {
      failStep(e);
      return;
    }
    long now = System.nanoTime();
    pace.observe(step.decoding(), step.prompt(), (double) (now - start));
    counters.steps++;
    takeRows(now);
    listener.onStep(
        step.decoding() + step.prompt(), step.parts().size(), Duration.ofNanos(now - start));
  }

  private void compose() {
    step.begin(lens.feed(running));
    int waits = 0;
    for (int i = 0; i < running.size(); i++) {
      Active active = running.get(i);
      for (Branch branch : active.branches()) {
        if (branch.pending() == 1) {
          step.addToken(active, branch, this::preemptFor);
        } else {
          waits++;
        }
      }
    }
    int most = pace.promptTokens(step.decoding(), waits, step.room());
    for (int i = 0; i < running.size() && most > step.prompt(); i++) {
      Active active = running.get(i);
      for (Branch branch : active.branches()) {
        if (branch.pending() > 1 && most > step.prompt()) {
          step.addChunk(active, branch, most - step.prompt(), this::preemptFor);
        }
      }
    }
  }

  /** Takes the memory of the last request that is not in the step, unless it comes before. */
  private boolean preemptFor(Active active) {
    for (int i = running.size() - 1; i >= 0; i--) {
      Active victim = running.get(i);
      if (victim == active && !step.parts().isEmpty()) {
        return false;
      }
      if (!step.has(victim) && victim != active) {
        running.remove(i);
        endings.stop(victim);
        victim.stream().flush();
        waiting.add(victim);
        counters.preemptions++;
        return true;
      }
    }
    return false;
  }

  /** Fails what is in the step, or all that run where nothing has come into it. */
  private void failStep(Throwable cause) {
    List<Active> failed =
        step.parts().isEmpty()
            ? List.copyOf(running)
            : step.parts().stream().map(part -> part.active).toList();
    for (Active active : failed) {
      if (running.remove(active)) {
        endings.fail(active, cause);
      }
    }
  }

  private void takeRows(long now) {
    int row = 0;
    for (Step.Part part : step.parts()) {
      int begin = row;
      while (row < step.rows().size() && step.rows().get(row).part() == part) {
        row++;
      }
      if (!part.branch.isRunning()) {
        // Another text of the request has failed.
        continue;
      }
      try {
        take(part, begin, row, now);
      } catch (RuntimeException | Error e) {
        running.remove(part.active);
        endings.fail(part.active, e);
      }
    }
  }

  /** Takes rows [begin, end) of logits, those of a part of the step. */
  private void take(Step.Part part, int begin, int end, long now) {
    Active active = part.active;
    if (active.beams() != null) {
      takeBeam(part, active.beams(), begin, end, now);
      return;
    }
    int before = active.branch().generated();
    Finish finish = null;
    for (int row = begin; row < end; row++) {
      int position = step.rows().get(row).position();
      if (position + 1 < active.request().promptTokens()) {
        active.takePrompt(position, step.feed(), row);
        continue;
      }
      fork(active, row, now);
      finish = active.choose(step.feed(), row, positions);
      int guess = part.branch.generated() - before - 1;
      if (finish != null
          || guess == part.draft.length
          || part.branch.lastToken() != part.draft[guess]) {
        break;
      }
    }
    counters.draftTokens += part.draft.length;
    counters.acceptedTokens += Math.max(0, part.branch.generated() - before - 1);
    settle(active, before, finish, now);
  }

  /** Takes rows [begin, end) of logits, those of one of several texts. */
  private void takeBeam(Step.Part part, BeamSearch beams, int begin, int end, long now) {
    Active active = part.active;
    for (int row = begin; row < end; row++) {
      int position = step.rows().get(row).position();
      if (position + 1 < active.request().promptTokens()) {
        active.takePrompt(position, step.feed(), row);
      } else {
        beams.take(part.branch, step.feed(), row);
      }
    }
    prefixes.keep(part.branch);
    beams.advance();
    if (beams.isDone()) {
      running.remove(active);
      endings.finish(active, Finish.STOP, now);
    }
  }

  /** Has those with the same prompt go their own ways. */
  private void fork(Active leader, int row, long now) {
    while (!leader.forks().isEmpty()) {
      Active fork = leader.forks().getFirst();
      fork.forkFrom(leader);
      Finish finish = fork.choose(step.feed(), row, positions);
      leader.forks().removeFirst();
      running.add(fork);
      settle(fork, 0, finish, now);
    }
    running.sort(Active.ORDER);
  }

  private void settle(Active active, int before, @Nullable Finish finish, long now) {
    Branch branch = active.branch();
    branch.dropGuesses();
    prefixes.keep(branch);
    int came = branch.generated() - before;
    if (before == 0 && (came > 0 || finish != null)) {
      counters.countPrompt(active);
    }
    if (came > 0) {
      counters.generatedTokens += came;
      listener
          .forRequest(active.request())
          .onTokens(before == 0, came, Duration.ofNanos(active.tokensCame(now)));
    }
    if (finish != null) {
      prefixes.end(branch);
      running.remove(active);
      endings.finish(active, finish, now);
    }
  }

  /**
   * Tells readers whose answers have ended, when the status no longer has them and the listener
   * knows.
   */
  private void tell() {
    long now = System.nanoTime();
    if (running.isEmpty() || endings.areUntold() || board.isOld(now)) {
      board.update(running.size(), waiting.size(), now);
      if (options.maxWait() != null) {
        outlook.observe(running, !waiting.isEmpty(), now);
      }
    }
    endings.tell();
  }
}
