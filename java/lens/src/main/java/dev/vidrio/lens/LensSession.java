package dev.vidrio.lens;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Hook;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.hook.StepRows;
import dev.vidrio.lens.memory.CapturedPoints;
import dev.vidrio.lens.memory.KeptActivations;
import dev.vidrio.lens.memory.TapMemory;
import dev.vidrio.lens.pass.EditInsertion;
import dev.vidrio.lens.pass.EditTables;
import dev.vidrio.lens.pass.TapInsertion;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookPattern;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.Model;
import dev.vidrio.model.load.LoadedModel;
import dev.vidrio.model.sampling.Candidates;
import dev.vidrio.model.session.BatchRunner;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A session that keeps the activations of its sequences: of prompts, during generation, and of
 * several sequences in a step. Its results have the bits of an ordinary {@link Session}.
 *
 * {@snippet file="LensExamplesTest.java" region="generate"}
 *
 * <p>A session with editable points also applies interventions and callbacks there. Without any,
 * the bits remain the same. Interventions apply from the next step on.
 *
 * <p>Not thread-safe, except {@link #check}.
 *
 * @see Lens#open(Capture, SessionOptions)
 * @see Capture
 * @see "docs/lens/edits.md"
 */
public final class LensSession implements BatchRunner, AutoCloseable {
  /**
   * Maximum bytes of a step's logits if all rows have them, and of its scores if those of a layer
   * can be edited.
   */
  private static final long STEP_BYTES = 64L << 20;

  private final CapturedPoints captured;
  private final Capture capture;
  private final TapMemory memory;
  private final EditTables edits;
  private final Plan plan;
  private final Session session;
  private final boolean allLogits;
  private final Map<Sequence, Slot> slots = new HashMap<>();
  private final BitSet taken = new BitSet();
  private final int watched;
  private final boolean shared;
  private final List<Running> inStep = new ArrayList<>();
  private final List<StepRows.Token> stepTokens = new ArrayList<>();
  private final List<StepRows.Token> logitTokens = new ArrayList<>();
  private final List<Integer> asked = new ArrayList<>();
  private List<Stop> stops = List.of();

  /** The operation before which steps end. */
  private int end;

  /** An operation at which the plan stops for a callback. */
  private record Stop(int op, HookPoint point, Hook hook) {}

  /** A sequence's slot in the tap memory, and its tokens. */
  private static final class Slot {
    final int index;
    final int[] tokens;

    Slot(int index, int positions) {
      this.index = index;
      this.tokens = new int[positions];
    }
  }

  /** A sequence of the step, and its length before the step. */
  private record Running(Sequence sequence, int lengthBefore) {}

  /**
   * Creates a session.
   *
   * @param lens the model, with the interventions of all its forward passes
   * @param editable the points of other interventions and of callbacks
   * @param room maximum number of interventions at a point
   * @param watched maximum number of sequences with kept activations
   * @param shared the session with the sequences to use, or null for own ones
   */
  LensSession(
      Lens lens,
      Capture capture,
      SessionOptions options,
      List<HookPoint> editable,
      int room,
      int watched,
      @Nullable Session shared) {
    TokenLimit.check(options.context(), options.sequences());
    Model model = lens.model();
    this.watched = watched;
    this.shared = shared != null;
    this.capture = capture;
    int layers = model.architecture().layers();
    Plan unedited = model.architecture().plan(options.context());
    var hooks = new HookMap(unedited, layers);
    List<HookPoint> points =
        capture.hooks().isEmpty() ? List.of() : HookPattern.select(capture.hooks(), hooks, layers);
    capture.requireBeginning();
    int to = Math.min(capture.to(), options.context());
    String range = capture.from() + ":" + (capture.to() == Integer.MAX_VALUE ? "" : capture.to());
    Preconditions.require(
        to > capture.from(), "positions", range, "there are " + options.context());
    this.edits = new EditTables(hooks, options.context(), editable, room, lens.edits());
    try {
      Plan editedPlan = new EditInsertion(hooks, edits).apply(unedited).in(options.arithmetic());
      this.captured =
          new CapturedPoints(editedPlan, hooks, points, recomputed(options), capture.from());
      Map<Buffer, Integer> firsts = captured.firsts();
      this.allLogits = firsts.keySet().stream().anyMatch(x -> x.rows() == Rows.LOGITS);
      this.memory =
          new TapMemory(model.executor(), capture.type(), watched, options.sequences(), firsts, to);
      this.plan =
          new TapInsertion(memory::has, x -> List.of(new HookOp.Tap(x, memory.target(x))))
              .apply(editedPlan);
    } catch (Throwable e) {
      edits.close();
      throw e;
    }
    this.end = plan.ops().size();
    try {
      this.session =
          shared == null
              ? model.newSession(room(model, options), this.plan)
              : model.newSession(room(model, options), this.plan, shared);
    } catch (Throwable e) {
      edits.close();
      memory.close();
      throw e;
    }
  }

  /** Selects the sites with activations that have the same bits when recomputed in other steps. */
  private Predicate<HookSite> recomputed(SessionOptions options) {
    boolean same = options.adapters() == 0;
    return site -> same && capture.recomputes(site);
  }

  private SessionOptions room(Model model, SessionOptions options) {
    int scores = edits.scores();
    int rows = scores == 0 ? options.batch() : fitting(scores, options.batch());
    rows = allLogits ? fitting(model.architecture().vocabulary(), rows) : rows;
    int logits = allLogits ? rows : Math.min(rows, options.logits());
    return options.withLogits(1).withBatch(rows).withLogits(logits);
  }

  private static int fitting(int width, int rows) {
    return Math.clamp(STEP_BYTES / Float.BYTES / width, 1, rows);
  }

  /** Returns the points with kept activations. */
  public List<HookPoint> points() {
    return captured.points();
  }

  @Override
  public LoadedModel model() {
    return session.model();
  }

  @Override
  public Limits limits() {
    return session.limits();
  }

  /**
   * Returns a new, empty sequence. Its activations are kept. The options limit the number of
   * sequences.
   */
  @Override
  public Sequence newSequence() {
    Sequence sequence = session.newSequence();
    watch(sequence);
    return sequence;
  }

  /**
   * Keeps the activations of an empty sequence from now on.
   *
   * @throws IllegalStateException if the sequence is not empty, or the maximum number of sequences
   *     is watched
   */
  public void watch(Sequence sequence) {
    int index = taken.nextClearBit(0);
    if (index == watched) {
      throw new IllegalStateException("the lens session already watches " + watched + " sequences");
    }
    if (sequence.length() > 0) {
      throw new IllegalStateException("the sequence has run " + sequence.length() + " tokens");
    }
    taken.set(index);
    slots.put(sequence, new Slot(index, session.limits().positions()));
  }

  /**
   * Discards the activations of a sequence, which frees its slot.
   *
   * @throws IllegalArgumentException if the sequence is not watched
   */
  public void unwatch(Sequence sequence) {
    taken.clear(slot(sequence).index);
    slots.remove(sequence);
  }

  /**
   * Sets the interventions of the next steps, applied in this order.
   *
   * @throws InvalidInputException as {@link #check} does; the previous interventions then remain
   * @throws IllegalArgumentException if one is for a sequence that the session does not watch,
   *     unless it shares the sequences of another session
   * @throws IllegalStateException if the session is closed
   */
  public void edits(List<Intervention> newEdits) {
    session.requireOpen();
    for (Intervention edit : newEdits) {
      if (edit.sequence() != null && !shared) {
        var _ = slot(edit.sequence());
      }
    }
    edits.set(newEdits);
  }

  /**
   * Checks interventions; may be called by any thread.
   *
   * @throws InvalidInputException if a point was not opened as editable or has too many
   *     interventions, or if positions, columns or values do not fit it
   * @throws IllegalStateException if the session is closed
   */
  public void check(List<Intervention> someEdits) {
    session.requireOpen();
    edits.check(someEdits);
  }

  /**
   * Sets the callbacks of the next steps. Each is called when the forward pass reaches its point,
   * after the interventions there.
   *
   * @throws InvalidInputException if the session was not opened with one of the points as editable
   * @throws IllegalStateException if the session is closed
   */
  public void hooks(Map<HookPoint, Hook> newHooks) {
    session.requireOpen();
    newHooks.keySet().forEach(edits::requireEditable);
    stops =
        newHooks.entrySet().stream()
            .map(e -> new Stop(edits.operation(e.getKey(), plan), e.getKey(), e.getValue()))
            .sorted(Comparator.comparingInt(Stop::op))
            .toList();
  }

  @Override
  public void begin() {
    session.begin();
    inStep.clear();
    stepTokens.clear();
    logitTokens.clear();
    asked.clear();
  }

  @Override
  public void add(Sequence sequence, int token, boolean wantsLogits) {
    Slot slot = slots.get(sequence);
    int position = sequence.length();
    int row = session.logitRows();
    // If logits are kept, all rows have them.
    session.add(sequence, token, wantsLogits || allLogits);
    if (wantsLogits) {
      asked.add(row);
    }
    if (slot != null) {
      slot.tokens[position] = token;
    }
    if (inStep.isEmpty() || inStep.getLast().sequence != sequence) {
      memory.assign(inStep.size(), slot == null ? -1 : slot.index);
      inStep.add(new Running(sequence, position));
    }
    stepTokens.add(new StepRows.Token(sequence, position));
    if (wantsLogits || allLogits) {
      logitTokens.add(stepTokens.getLast());
    }
  }

  private Slot slot(Sequence sequence) {
    Slot slot = slots.get(sequence);
    if (slot == null) {
      throw new IllegalArgumentException("the lens session does not watch the sequence");
    }
    return slot;
  }

  /**
   * {@inheritDoc} If it fails because a {@link Hook} throws, the sequences are truncated to their
   * lengths before the step, or to 0 if the model has recurrent states that cannot be restored
   * ({@link Sequence#firstReachable}).
   */
  @Override
  public void run() {
    try {
      Interruption.check();
      edits.assign(inStep.stream().map(Running::sequence).toList());
      runWithHooks();
    } catch (Throwable e) {
      inStep.reversed().forEach(running -> running.sequence.truncate(running.lengthBefore));
      throw e;
    }
  }

  /** Ends steps after the last captured activation, or all steps if there is none. */
  void endAfterCaptured() {
    List<Op> ops = plan.ops();
    int last = ops.size();
    while (last > 0 && !(ops.get(last - 1) instanceof HookOp.Tap)) {
      last--;
    }
    end = last == 0 ? ops.size() : last;
  }

  /** Returns the number of operations of a step without callbacks. */
  int operations() {
    return end;
  }

  private void runWithHooks() {
    int begin = 0;
    for (Stop stop : stops) {
      HookOp.Edit edit = (HookOp.Edit) plan.ops().get(stop.op);
      session.run(begin, stop.op + 1);
      begin = stop.op + 1;
      List<StepRows.Token> tokens = edit.rows() == Rows.TOKENS ? stepTokens : logitTokens;
      int width = edit.y().width();
      stop.hook.at(new StepRows(stop.point, tokens, width, session.data(edit.y())));
    }
    session.run(begin, Math.max(begin, end));
  }

  @Override
  public void requireFits(Sequence sequence, int[] tokens) {
    session.requireFits(sequence, tokens);
  }

  @Override
  public MemorySegment logits(int i) {
    return session.logits(asked.get(i));
  }

  @Override
  public int logitRows() {
    return asked.size();
  }

  @Override
  public Candidates candidates(int i) {
    return session.candidates(asked.get(i));
  }

  /**
   * Returns the activations of a sequence so far, valid until the session is closed.
   *
   * @throws IllegalArgumentException if the sequence is not watched
   * @throws IllegalStateException if the session is closed
   */
  public ActivationCache cache(Sequence sequence) {
    session.requireOpen();
    return cache(sequence, memory, slot(sequence).index, false);
  }

  /**
   * Returns a copy of the activations of a sequence so far, valid until the copy is closed.
   *
   * @throws IllegalArgumentException if the sequence is not watched
   * @throws IllegalStateException if the session is closed
   */
  public ActivationCache copy(Sequence sequence) {
    session.requireOpen();
    int limit = Math.min(capture.to(), session.limits().positions());
    int to = Math.clamp(sequence.length(), capture.from() + 1, limit);
    return cache(sequence, memory.copy(slot(sequence).index, to), 0, true);
  }

  private ActivationCache cache(Sequence sequence, TapMemory kept, int slot, boolean last) {
    int limit = Math.min(capture.to(), session.limits().positions());
    int[] tokens = Arrays.copyOf(slot(sequence).tokens, sequence.length());
    return new KeptActivations(
        captured, kept, session.options().kvType(), slot, limit, tokens, last);
  }

  /**
   * Closes the session but keeps the activations of a sequence until the returned cache is closed.
   */
  ActivationCache closeInto(Sequence sequence) {
    ActivationCache cache = cache(sequence, memory, slot(sequence).index, true);
    session.close();
    edits.close();
    return cache;
  }

  /** Frees the session's memory, including all activations. */
  @Override
  public void close() {
    session.close();
    edits.close();
    memory.close();
  }
}
