package dev.vidrio.engine;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.text.Active;
import dev.vidrio.engine.text.Branch;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.LensSession;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Edit;
import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.model.BatchFeed;
import dev.vidrio.model.Sequence;
import dev.vidrio.model.Session;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The steps in which activations of some requests are kept or changed: they run another plan over
 * the same cache. Those who are neither watched nor edited have the same bits in both; steps
 * without such requests run the plan that is not taken apart. All but {@link #check} is for one
 * thread.
 */
final class LensSteps implements AutoCloseable {
  private final Session plain;
  private final LensOptions options;
  private final @Nullable LensSession lens;
  private List<Sequence> edited = List.of();
  private int watched;

  LensSteps(LensOptions options, Session plain) {
    this.plain = plain;
    this.options = options;
    this.lens = options.isNone() ? null : open(options, plain);
  }

  private static LensSession open(LensOptions options, Session plain) {
    Capture capture =
        options.capture().isBlank() ? Capture.NONE : Capture.of(options.capture()).recomputed();
    return Lens.of(plain.model()).open(capture, options.editable(), options.watched(), plain);
  }

  /**
   * Checks what a request wants to see and change; by any thread.
   *
   * @throws InvalidInputException when the engine was not opened for it
   */
  void check(GenerationRequest request) {
    if (request.watched() && options.watched() == 0) {
      throw new InvalidInputException(
          "watched", "true", "the engine was opened to capture nothing");
    }
    if (request.edits().isEmpty()) {
      return;
    }
    if (lens == null || options.editable().isBlank()) {
      throw new InvalidInputException(
          "edits",
          request.edits().getFirst().point().name(),
          "the engine was opened to edit nothing");
    }
    lens.check(request.edits());
    requireRoom(request.edits());
  }

  /** Edits of all sequences have to fit at a time. */
  private void requireRoom(List<Edit> edits) {
    Map<HookPoint, Long> counts = new LinkedHashMap<>();
    edits.forEach(edit -> counts.merge(edit.point(), 1L, Long::sum));
    counts.forEach(
        (point, count) -> {
          if (count > Lens.EDITS) {
            throw new InvalidInputException(
                "edits of " + point, Long.toString(count), "a request may have " + Lens.EDITS);
          }
        });
  }

  /** Whether a request can begin: not more are watched than there is room for. */
  boolean hasRoom(GenerationRequest request) {
    return !request.watched() || watched < options.watched();
  }

  /** A request has got a sequence. */
  void begin(Active active) {
    if (active.request().watched() && lens != null) {
      lens.watch(active.branch().sequence());
      watched++;
    }
  }

  /** A request will lose its sequence. */
  void end(Active active) {
    if (active.request().watched() && lens != null && active.branch().isRunning()) {
      lens.unwatch(active.branch().sequence());
      watched--;
    }
  }

  /** What was kept of a request; null where it is not watched. */
  @Nullable ActivationCache activations(Active active) {
    return active.request().watched() && lens != null && active.branch().isRunning()
        ? lens.copy(active.branch().sequence())
        : null;
  }

  /** What runs the next step of these requests. */
  BatchFeed feed(List<Active> running) {
    if (lens == null || running.stream().noneMatch(Active::needsLens)) {
      return plain;
    }
    List<Active> changed =
        running.stream().filter(active -> !active.request().edits().isEmpty()).toList();
    List<Sequence> sequences =
        changed.stream()
            .flatMap(active -> active.branches().stream().map(Branch::sequence))
            .toList();
    if (!sequences.equals(edited)) {
      List<Edit> edits = new ArrayList<>();
      for (Active active : changed) {
        for (Branch branch : active.branches()) {
          active.request().edits().forEach(edit -> edits.add(edit.in(branch.sequence())));
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
