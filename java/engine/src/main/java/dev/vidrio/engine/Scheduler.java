package dev.vidrio.engine;

import dev.vidrio.kernel.KvCache;
import dev.vidrio.lens.ActivationCache;
import dev.vidrio.model.Adaptation;
import dev.vidrio.model.Generator.Finish;
import dev.vidrio.model.Session;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Runs requests together, step by step (continuous batching: Yu et al. 2022, Orca, OSDI). Between
 * two steps it takes new requests, lets go of those that are canceled or late, and lets as many of
 * those that wait begin as there is memory for. Where the memory does not last, the request that
 * came last and has the lowest priority gives its own back and waits; it is computed anew later, to
 * the same bits.
 */
final class Scheduler implements Runnable {
  /** How old a status may be while nothing ends. */
  private static final long STATUS_NANOS = 20_000_000;

  private final EngineOptions options;
  private final EngineListener listener;
  private final Runnable onEnd;
  private final Session session;
  private final KvCache cache;
  private final PrefixCache prefixes;
  private final Drafts drafts;
  private final LensSteps lens;
  private final Step step;
  private final StepPace pace = new StepPace();
  private final Answers answers = new Answers();
  private final int positions;
  private final Queue<Active> inbox = new ConcurrentLinkedQueue<>();
  private final PriorityQueue<Active> waiting = new PriorityQueue<>(Active.ORDER);
  private final List<Active> running = new ArrayList<>();
  private final List<Runnable> endings = new ArrayList<>();
  private final Counters counters = new Counters();
  private volatile @Nullable Thread thread;
  private volatile boolean closed;
  private volatile EngineStatus status;
  private long statusAt;

  /**
   * @param session closed with the scheduler
   * @param drafts closed with the scheduler
   * @param onEnd is called after each request
   */
  Scheduler(EngineOptions options, Session session, Drafts drafts, Runnable onEnd) {
    this.options = options;
    this.listener = options.listener();
    this.onEnd = onEnd;
    this.session = session;
    this.cache = session.cache();
    this.prefixes = new PrefixCache(cache);
    this.lens = new LensSteps(options.lens(), session);
    this.drafts = drafts;
    this.step = new Step(session, prefixes, drafts);
    this.positions = positions(session);
    this.status = snapshot();
  }

  /** Positions that a sequence can have: those of the context, as far as there is memory. */
  static int positions(Session session) {
    long room = (long) session.cache().blocks() * KvCache.BLOCK;
    return (int) Math.min(room, session.limits().positions());
  }

  /** Hands a request over; by any thread. */
  void submit(Active active) {
    inbox.add(active);
    wake();
  }

  /** Has it look at what changed outside: a request that is canceled; by any thread. */
  void wake() {
    LockSupport.unpark(thread);
  }

  /** Ends it; by any thread. */
  void close() {
    closed = true;
    wake();
  }

  /**
   * Checks what a request wants to see and change; by any thread.
   *
   * @throws dev.vidrio.model.InvalidInputException when the engine was not opened for it
   */
  void check(GenerationRequest request) {
    lens.check(request);
  }

  /** Whether it has ended, or soon will; by any thread. */
  boolean isClosed() {
    return closed;
  }

  /** What it is doing; by any thread. */
  EngineStatus status() {
    return status;
  }

  /** An answer's mean time, for those who have to wait; by any thread. */
  Duration meanAnswer() {
    return answers.meanTime();
  }

  @Override
  public void run() {
    thread = Thread.currentThread();
    try {
      while (!closed) {
        receive();
        letGo(System.nanoTime());
        begin(System.nanoTime());
        if (!running.isEmpty()) {
          runStep();
        }
        tell();
        rest();
      }
    } finally {
      closed = true;
      receive();
      List<Active> rest = new ArrayList<>(running);
      rest.addAll(waiting);
      rest.forEach(active -> endAll(active, Finish.CANCELED));
      prefixes.clear();
      tell();
      drafts.close();
      lens.close();
    }
  }

  private void receive() {
    for (Active active = inbox.poll(); active != null; active = inbox.poll()) {
      waiting.add(active);
    }
  }

  /** Sleeps where there is nothing to do. */
  private void rest() {
    if (running.isEmpty() && waiting.isEmpty() && inbox.isEmpty() && !closed) {
      LockSupport.park(this);
    }
  }

  /** Ends what is canceled or late. */
  private void letGo(long now) {
    letGo(running, now);
    List<Active> orphans = new ArrayList<>();
    for (Iterator<Active> i = waiting.iterator(); i.hasNext(); ) {
      Active active = i.next();
      letGo(active.forks, now);
      if (reasonToEnd(active, now) != null) {
        i.remove();
        orphans.addAll(end(active, now));
      }
    }
    waiting.addAll(orphans);
  }

  private void letGo(List<Active> list, long now) {
    for (int i = 0; i < list.size(); i++) {
      Active active = list.get(i);
      letGo(active.forks, now);
      if (reasonToEnd(active, now) != null) {
        list.remove(i--);
        waiting.addAll(end(active, now));
      }
    }
  }

  /** Ends a request; those that waited for its prompt wait for one of them. */
  private List<Active> end(Active active, long now) {
    Finish reason = reasonToEnd(active, now);
    List<Active> orphans = adopt(active);
    finish(active, reason == null ? Finish.CANCELED : reason, now);
    return orphans;
  }

  private static List<Active> adopt(Active leader) {
    if (leader.forks.isEmpty()) {
      return List.of();
    }
    Active next = leader.forks.removeFirst();
    next.forks.addAll(leader.forks);
    leader.forks.clear();
    return List.of(next);
  }

  private static @Nullable Finish reasonToEnd(Active active, long now) {
    if (active.stream.isCanceled()) {
      return Finish.CANCELED;
    }
    return active.isLate(now) ? Finish.TIMEOUT : null;
  }

  private void endAll(Active active, Finish reason) {
    active.forks.forEach(fork -> finish(fork, reason, System.nanoTime()));
    active.forks.clear();
    finish(active, reason, System.nanoTime());
  }

  /** Lets those that wait begin, as far as there are places and memory. */
  private void begin(long now) {
    for (Active next = waiting.peek(); next != null; next = waiting.peek()) {
      int places = 1 + next.forks.size();
      if (places > options.sequences() - places()
          || !lens.hasRoom(next.request)
          || !hasRoomFor(next.request.adaptation())
          || !fits(next)) {
        return;
      }
      waiting.remove();
      try {
        next.begin(session.newSequence(), now);
        lens.begin(next);
        running.add(next);
        running.sort(Active.ORDER);
      } catch (RuntimeException | Error e) {
        fail(next, new EngineException.StepFailed(e));
      }
    }
  }

  private boolean hasRoomFor(@Nullable Adaptation adaptation) {
    return adaptation == null || session.hasRoomFor(adaptation.adapter());
  }

  private int places() {
    int places = 0;
    for (Active active : running) {
      places += 1 + active.forks.size();
    }
    return places;
  }

  /** Whether the memory is likely to last for one more, by the length of the answers so far. */
  private boolean fits(Active next) {
    long needed = KvCache.blocksFor(Math.min(positions, next.pending() + expected(next)));
    for (Active active : running) {
      int more =
          Math.min(active.pending() + expected(active), positions - active.sequence().length());
      needed += active.sequence().blocksFor(more);
    }
    return running.isEmpty() || needed <= cache.freeBlocks() + prefixes.evictable();
  }

  private int expected(Active active) {
    int most = active.request.options().tokens();
    int likely = Math.min(most, answers.meanTokens(most));
    return Math.max(0, likely - active.generated()) * (1 + active.forks.size());
  }

  private void runStep() {
    long start = System.nanoTime();
    try {
      drafts.prepare(running.stream().filter(Scheduler::guesses).toList());
      compose();
      step.run();
    } catch (RuntimeException | Error e) {
      failStep(e);
      return;
    }
    long now = System.nanoTime();
    pace.observe(step.decoding(), step.prompt(), now - start);
    counters.steps++;
    takeRows(now);
    listener.onStep(
        step.decoding() + step.prompt(), step.parts().size(), Duration.ofNanos(now - start));
  }

  private static boolean guesses(Active active) {
    return active.pending() == 1 && active.guesses() > 0;
  }

  private void compose() {
    step.begin(lens.feed(running));
    for (int i = 0; i < running.size(); i++) {
      if (running.get(i).pending() == 1) {
        step.addToken(running.get(i), this::preemptFor);
      }
    }
    int most = pace.promptTokens(step.decoding(), step.room());
    for (int i = 0; i < running.size() && most > step.prompt(); i++) {
      if (running.get(i).pending() > 1) {
        step.addChunk(running.get(i), most - step.prompt(), this::preemptFor);
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
        leave(victim);
        victim.stop();
        waiting.add(victim);
        counters.preemptions++;
        return true;
      }
    }
    return false;
  }

  private void failStep(Throwable cause) {
    var failure = new EngineException.StepFailed(cause);
    for (Step.Part part : step.parts()) {
      Active active = part.active;
      running.remove(active);
      fail(active, failure);
    }
  }

  private void takeRows(long now) {
    int row = 0;
    for (Step.Part part : step.parts()) {
      int begin = row;
      while (row < step.rows().size() && step.rows().get(row).active() == part.active) {
        row++;
      }
      try {
        take(part, begin, row, now);
      } catch (RuntimeException | Error e) {
        running.remove(part.active);
        fail(part.active, new EngineException.StepFailed(e));
      }
    }
  }

  /** Takes rows [begin, end) of logits, those of a part of the step. */
  private void take(Step.Part part, int begin, int end, long now) {
    Active active = part.active;
    int before = active.generated();
    Finish finish = null;
    for (int row = begin; row < end; row++) {
      int position = step.rows().get(row).position();
      if (position + 1 < active.request.promptTokens()) {
        active.takePrompt(position, step.feed(), row);
        continue;
      }
      fork(active, row, now);
      finish = active.choose(step.feed(), row, positions);
      int guess = active.generated() - before - 1;
      if (finish != null || guess == part.draft.length || active.lastToken() != part.draft[guess]) {
        break;
      }
    }
    counters.draftTokens += part.draft.length;
    counters.acceptedTokens += Math.max(0, active.generated() - before - 1);
    settle(active, before, finish, now);
  }

  /** Has those with the same prompt go their own ways. */
  private void fork(Active leader, int row, long now) {
    while (!leader.forks.isEmpty()) {
      Active fork = leader.forks.getFirst();
      fork.forkFrom(leader, now);
      Finish finish = fork.choose(step.feed(), row, positions);
      leader.forks.removeFirst();
      running.add(fork);
      settle(fork, 0, finish, now);
    }
    running.sort(Active.ORDER);
  }

  private void settle(Active active, int before, @Nullable Finish finish, long now) {
    active.dropGuesses();
    if (options.prefixCache()) {
      active.keep(prefixes);
    }
    int came = active.generated() - before;
    if (before == 0 && (came > 0 || finish != null)) {
      counters.promptTokens += active.request.promptTokens();
      counters.cachedTokens += active.cachedTokens();
    }
    if (came > 0) {
      counters.generatedTokens += came;
      listener.onTokens(before == 0, came, Duration.ofNanos(active.tokensCame(now)));
    }
    if (finish != null) {
      running.remove(active);
      finish(active, finish, now);
    }
  }

  private void finish(Active active, Finish reason, long now) {
    ActivationCache activations = lens.activations(active);
    leave(active);
    Completion completion = active.finish(reason, activations, now);
    answers.observe(completion);
    endings.add(
        () -> {
          listener.onFinished(completion);
          active.stream.complete(completion);
        });
  }

  private void fail(Active active, EngineException reason) {
    for (Active fork : active.forks) {
      fail(fork, reason);
    }
    active.forks.clear();
    leave(active);
    active.stop();
    endings.add(
        () -> {
          listener.onFailed(reason);
          active.stream.fail(reason);
        });
  }

  /**
   * Tells readers whose answers have ended, when the status no longer has them and the listener
   * knows.
   */
  private void tell() {
    long now = System.nanoTime();
    if (running.isEmpty() || !endings.isEmpty() || now - statusAt > STATUS_NANOS) {
      status = snapshot();
      statusAt = now;
    }
    for (Runnable ending : endings) {
      ending.run();
      onEnd.run();
    }
    endings.clear();
  }

  /** Those who follow its sequence let it go. */
  private void leave(Active active) {
    drafts.end(active);
    lens.end(active);
  }

  private EngineStatus snapshot() {
    int cached = prefixes.evictable();
    return counters.status(
        running.size(),
        waiting.size(),
        cache.blocks(),
        cache.blocks() - cache.freeBlocks() - cached,
        cached);
  }
}
