package dev.vidrio.engine;

import dev.vidrio.engine.draft.Drafts;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.pace.CompletionStats;
import dev.vidrio.engine.request.BeamSearch;
import dev.vidrio.engine.request.RunningRequest;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.session.Session;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Queue;

/**
 * Completes requests that have their answer, are canceled, have timed out or fail. Memory is
 * released at once; readers are notified later, when the status no longer counts the request. Used
 * by the scheduler's thread only.
 */
final class RequestCompletion {
  private final Session session;
  private final EngineListener listener;
  private final Drafts drafts;
  private final LensSteps lens;
  private final CompletionStats stats;
  private final Counters counters;
  private final Runnable onEnd;
  private final Queue<Runnable> notifications = new ArrayDeque<>();

  /**
   * Creates the completion of an engine's requests.
   *
   * @param session the session that runs the requests
   * @param onEnd is called after each request
   */
  RequestCompletion(
      Session session,
      EngineListener listener,
      Drafts drafts,
      LensSteps lens,
      CompletionStats stats,
      Counters counters,
      Runnable onEnd) {
    this.session = session;
    this.listener = listener;
    this.drafts = drafts;
    this.lens = lens;
    this.stats = stats;
    this.counters = counters;
    this.onEnd = onEnd;
  }

  /**
   * Finishes and removes canceled and expired requests.
   *
   * @return for each removed request with forks, a new leader for the remaining forks
   */
  List<RunningRequest> finishExpired(Iterable<RunningRequest> actives, long now) {
    List<RunningRequest> leaders = new ArrayList<>();
    for (Iterator<RunningRequest> i = actives.iterator(); i.hasNext(); ) {
      RunningRequest active = i.next();
      FinishReason reason = active.reasonToEnd(now);
      if (active.beams() == null) {
        leaders.addAll(finishExpired(active.forks(), now));
      }
      if (reason != null) {
        i.remove();
        if (active.beams() == null && !active.forks().isEmpty()) {
          RunningRequest next = active.forks().removeFirst();
          next.forks().addAll(active.forks());
          active.forks().clear();
          leaders.add(next);
        }
        finish(active, reason, now);
      }
    }
    return leaders;
  }

  /** Finishes a request. All requests of a beam search finish together. */
  void finish(RunningRequest active, FinishReason reason, long now) {
    BeamSearch beams = active.beams();
    if (beams == null) {
      orFail(active, () -> end(active, reason, now));
      return;
    }
    List<BeamSearch.Hypothesis> found = beams.answers(reason);
    List<RunningRequest> group = new ArrayList<>(active.forks());
    group.addFirst(active);
    active.forks().clear();
    for (int i = 0; i < group.size(); i++) {
      RunningRequest each = group.get(i);
      if (i < found.size()) {
        BeamSearch.Hypothesis answer = found.get(i);
        orFail(each, () -> acceptAnswer(each, answer, active, now));
      } else {
        orFail(each, () -> end(each, reason, now));
      }
    }
  }

  /** Ends a request; if that throws, for example out of memory, the request fails. */
  private void orFail(RunningRequest active, Runnable end) {
    try {
      end.run();
    } catch (RuntimeException | Error e) {
      fail(active, e);
    }
  }

  private void acceptAnswer(
      RunningRequest active, BeamSearch.Hypothesis found, RunningRequest leader, long now) {
    active.accept(found, leader);
    int tokens = found.tokens().size();
    counters.countPrompt(active);
    counters.generatedTokens += tokens;
    listener
        .forRequest(active.request())
        .onTokens(true, tokens, Duration.ofNanos(active.recordTokens(now)));
    end(active, found.finish(), now);
  }

  private void end(RunningRequest active, FinishReason reason, long now) {
    ActivationCache activations = lens.activations(active);
    release(active);
    Completion completion = active.finish(reason, activations, now);
    stats.observe(completion);
    notifications.add(
        () -> {
          listener.forRequest(active.request()).onFinished(completion);
          active.stream().complete(completion);
        });
  }

  /** Cancels a request and its forks. */
  void cancel(RunningRequest active) {
    finish(active, FinishReason.CANCELED, System.nanoTime());
    active.forks().forEach(fork -> finish(fork, FinishReason.CANCELED, System.nanoTime()));
    active.forks().clear();
  }

  /** Fails a request and its forks. */
  void fail(RunningRequest active, Throwable cause) {
    for (RunningRequest fork : active.forks()) {
      fail(fork, cause);
    }
    var reason = new EngineException.StepFailed(rootCause(cause));
    active.forks().clear();
    stop(active);
    notifications.add(
        () -> {
          listener.forRequest(active.request()).onFailed(reason);
          active.stream().fail(reason);
        });
  }

  /** Returns the error to report: if the model was closed, that is the cause of any failure. */
  private Throwable rootCause(Throwable cause) {
    try {
      session.requireOpen();
      return cause;
    } catch (IllegalStateException closed) {
      return closed;
    }
  }

  /** Releases the memory of a request. */
  void stop(RunningRequest active) {
    release(active);
    active.stop();
  }

  /** Releases the state of the drafter and the lens for its sequence. */
  private void release(RunningRequest active) {
    drafts.end(active);
    lens.end(active);
  }

  /** Returns whether readers have not been notified yet. */
  boolean hasNotifications() {
    return !notifications.isEmpty();
  }

  /** Notifies the listener and the readers. */
  void sendNotifications() {
    for (Runnable each = notifications.poll(); each != null; each = notifications.poll()) {
      onEnd.run(); // first, so that a notified reader can submit its next request at once
      each.run();
    }
  }
}
