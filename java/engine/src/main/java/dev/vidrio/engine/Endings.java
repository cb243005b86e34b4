package dev.vidrio.engine;

import dev.vidrio.engine.draft.Drafts;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.pace.Answers;
import dev.vidrio.engine.text.Active;
import dev.vidrio.engine.text.BeamSearch;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.model.Generator.Finish;
import dev.vidrio.model.Session;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Queue;

/**
 * How requests end: they have their answer, are canceled or late, or fail. Each gives its memory
 * back at once; its reader is told later, when the status no longer has it. For one thread.
 */
final class Endings {
  private final Session session;
  private final EngineListener listener;
  private final Drafts drafts;
  private final LensSteps lens;
  private final Answers answers;
  private final Counters counters;
  private final Runnable onEnd;
  private final Queue<Runnable> untold = new ArrayDeque<>();

  /**
   * @param session of the requests
   * @param onEnd is called after each request
   */
  Endings(
      Session session,
      EngineListener listener,
      Drafts drafts,
      LensSteps lens,
      Answers answers,
      Counters counters,
      Runnable onEnd) {
    this.session = session;
    this.listener = listener;
    this.drafts = drafts;
    this.lens = lens;
    this.answers = answers;
    this.counters = counters;
    this.onEnd = onEnd;
  }

  /**
   * Ends those that are canceled or late, and takes them out.
   *
   * @return one of those that waited for the prompt of such a one; the others wait for it now
   */
  List<Active> letGo(Iterable<Active> actives, long now) {
    List<Active> orphans = new ArrayList<>();
    for (Iterator<Active> i = actives.iterator(); i.hasNext(); ) {
      Active active = i.next();
      Finish reason = active.reasonToEnd(now);
      if (active.beams() == null) {
        orphans.addAll(letGo(active.forks(), now));
      }
      if (reason != null) {
        i.remove();
        if (active.beams() == null) {
          orphans.addAll(adopt(active));
        }
        finish(active, reason, now);
      }
    }
    return orphans;
  }

  private static List<Active> adopt(Active leader) {
    if (leader.forks().isEmpty()) {
      return List.of();
    }
    Active next = leader.forks().removeFirst();
    next.forks().addAll(leader.forks());
    leader.forks().clear();
    return List.of(next);
  }

  /** Ends a request whose answer is as far as it gets; all of a beam search end together. */
  void finish(Active active, Finish reason, long now) {
    BeamSearch beams = active.beams();
    if (beams == null) {
      orFail(active, () -> end(active, reason, now));
      return;
    }
    List<BeamSearch.Hypothesis> found = beams.answers(reason);
    List<Active> group = new ArrayList<>(active.forks());
    group.addFirst(active);
    active.forks().clear();
    for (int i = 0; i < group.size(); i++) {
      Active each = group.get(i);
      if (i < found.size()) {
        BeamSearch.Hypothesis answer = found.get(i);
        orFail(each, () -> answer(each, answer, active, now));
      } else {
        orFail(each, () -> end(each, reason, now));
      }
    }
  }

  /** Ends a request; where that fails, as for want of memory, the request does. */
  private void orFail(Active active, Runnable end) {
    try {
      end.run();
    } catch (RuntimeException | Error e) {
      fail(active, e);
    }
  }

  private void answer(Active active, BeamSearch.Hypothesis found, Active leader, long now) {
    active.take(found, leader);
    int tokens = found.tokens().size();
    counters.countPrompt(active);
    counters.generatedTokens += tokens;
    listener
        .forRequest(active.request())
        .onTokens(true, tokens, Duration.ofNanos(active.tokensCame(now)));
    end(active, found.finish(), now);
  }

  private void end(Active active, Finish reason, long now) {
    ActivationCache activations = lens.activations(active);
    leave(active);
    Completion completion = active.finish(reason, activations, now);
    answers.observe(completion);
    untold.add(
        () -> {
          listener.forRequest(active.request()).onFinished(completion);
          active.stream().complete(completion);
        });
  }

  /** Ends a request, and those that wait for its prompt. */
  void cancel(Active active) {
    finish(active, Finish.CANCELED, System.nanoTime());
    active.forks().forEach(fork -> finish(fork, Finish.CANCELED, System.nanoTime()));
    active.forks().clear();
  }

  /** Ends a request that something went wrong with, and those that wait for its prompt. */
  void fail(Active active, Throwable cause) {
    for (Active fork : active.forks()) {
      fail(fork, cause);
    }
    var reason = new EngineException.StepFailed(meaning(cause));
    active.forks().clear();
    stop(active);
    untold.add(
        () -> {
          listener.forRequest(active.request()).onFailed(reason);
          active.stream().fail(reason);
        });
  }

  /** Whatever fails when the model has been closed, fails for that. */
  private Throwable meaning(Throwable cause) {
    try {
      session.requireOpen();
      return cause;
    } catch (IllegalStateException closed) {
      return closed;
    }
  }

  /** Takes a request's memory. */
  void stop(Active active) {
    leave(active);
    active.stop();
  }

  /** Those who follow its sequence let it go. */
  private void leave(Active active) {
    drafts.end(active);
    lens.end(active);
  }

  /** Whether readers have still to be told. */
  boolean areUntold() {
    return !untold.isEmpty();
  }

  /** Tells the listener and the readers. */
  void tell() {
    for (Runnable each = untold.poll(); each != null; each = untold.poll()) {
      onEnd.run(); // before: who is told may have the next request at once
      each.run();
    }
  }
}
