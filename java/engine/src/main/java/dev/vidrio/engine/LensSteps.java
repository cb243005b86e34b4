package dev.vidrio.engine;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.request.RunningRequest;
import dev.vidrio.engine.sequence.TokenSequence;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.LensSession;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.BatchRunner;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Runs steps in which activations of some requests are captured or edited, with another plan over
 * the same cache. Requests that are neither watched nor edited have the same bits in both plans;
 * steps without such requests run the plain plan. Used by the scheduler's thread only, except
 * {@link #check}.
 */
final class LensSteps implements AutoCloseable {
  private final Session plain;
  private final LensOptions options;
  private final @Nullable LensSession lens;
  private List<Sequence> edited = List.of();
  private int watched;

  LensSteps(LensOptions options, Model model, Session plain) {
    this.plain = plain;
    this.options = options;
    this.lens = options.isNone() ? null : open(options, model, plain);
  }

  private static LensSession open(LensOptions options, Model model, Session plain) {
    Capture capture =
        options.capture().isBlank() ? Capture.NONE : Capture.of(options.capture()).recomputed();
    return Lens.of(model).open(capture, options.editable(), options.watched(), plain);
  }

  /**
   * Checks the captures and edits of a request. Thread-safe.
   *
   * @throws InvalidInputException if the engine was not opened for them
   */
  void check(GenerationRequest request) {
    if (request.watched() && options.watched() == 0) {
      throw new InvalidInputException("watched", "true", "the engine was opened without capturing");
    }
    if (request.edits().isEmpty()) {
      return;
    }
    if (lens == null || options.editable().isBlank()) {
      throw new InvalidInputException(
          "edits",
          request.edits().getFirst().point().name(),
          "the engine was opened without editing");
    }
    lens.check(request.edits());
    requireCapacity(request.edits());
  }

  /** Rejects more edits of a point than the plan has capacity for. */
  private void requireCapacity(List<Intervention> edits) {
    Map<HookPoint, Long> counts = new LinkedHashMap<>();
    edits.forEach(edit -> counts.merge(edit.point(), 1L, Long::sum));
    counts.forEach(
        (point, count) -> {
          if (count > Lens.EDITS) {
            throw new InvalidInputException(
                "edits of " + point, count, "must be at most " + Lens.EDITS);
          }
        });
  }

  /** Returns whether a request can begin without exceeding the number of watched requests. */
  boolean hasCapacity(GenerationRequest request) {
    return !request.watched() || watched < options.watched();
  }

  /** Starts capturing for a request, when its sequence begins. */
  void begin(RunningRequest active) {
    if (active.request().watched() && lens != null) {
      lens.watch(active.tokens().sequence());
      watched++;
    }
  }

  /** Stops capturing for a request, before its sequence ends. */
  void end(RunningRequest active) {
    if (active.request().watched() && lens != null && active.tokens().isRunning()) {
      lens.unwatch(active.tokens().sequence());
      watched--;
    }
  }

  /** Returns the captured activations of a request, or null if it is not watched. */
  @Nullable ActivationCache activations(RunningRequest active) {
    return active.request().watched() && lens != null && active.tokens().isRunning()
        ? lens.copy(active.tokens().sequence())
        : null;
  }

  /** Returns the session for the next step of these requests. */
  BatchRunner runner(List<RunningRequest> running) {
    if (lens == null || running.stream().noneMatch(RunningRequest::needsLens)) {
      return plain;
    }
    List<RunningRequest> changed =
        running.stream().filter(active -> !active.request().edits().isEmpty()).toList();
    List<Sequence> sequences =
        changed.stream()
            .flatMap(active -> active.sequences().stream().map(TokenSequence::sequence))
            .toList();
    if (!sequences.equals(edited)) {
      List<Intervention> edits = new ArrayList<>();
      for (RunningRequest active : changed) {
        for (TokenSequence tokens : active.sequences()) {
          active.request().edits().forEach(edit -> edits.add(edit.in(tokens.sequence())));
        }
      }
      lens.edits(edits);
      edited = sequences;
    }
    return lens;
  }

  @Override
  public void close() {
    if (lens != null) {
      lens.close();
    }
    plain.close();
  }
}
