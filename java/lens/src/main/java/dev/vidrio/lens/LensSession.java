package dev.vidrio.lens;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Edit;
import dev.vidrio.lens.hook.Hook;
import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.lens.hook.HookSite;
import dev.vidrio.lens.plan.CapturedPoints;
import dev.vidrio.lens.plan.EditPlacer;
import dev.vidrio.lens.plan.EditTables;
import dev.vidrio.lens.plan.EditedPlan;
import dev.vidrio.lens.plan.HookMap;
import dev.vidrio.lens.plan.HookPattern;
import dev.vidrio.lens.plan.KeptActivations;
import dev.vidrio.lens.plan.TapMemory;
import dev.vidrio.lens.plan.TappedPlan;
import dev.vidrio.model.BatchFeed;
import dev.vidrio.model.Model;
import dev.vidrio.model.Sequence;
import dev.vidrio.model.Session;
import dev.vidrio.model.SessionOptions;
import dev.vidrio.model.sampling.Candidates;
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
 * A session that keeps the activations of its sequences: over prompts, during generation, and for
 * several sequences in a step. Its results have the bits of a session that keeps nothing.
 *
 * {@snippet file="LensExamplesTest.java" region="generate"}
 *
 * <p>Opened with editable points, it can also change activations there and call the caller's code.
 * Without edits, the bits stay the same.
 *
 * <p>Not thread-safe.
 */
public final class LensSession implements BatchFeed, AutoCloseable {
  /**
   * Bytes of a step's logits, at most, where all rows have them; and of its scores, where a layer's
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
  private final List<SessionRows.Token> stepTokens = new ArrayList<>();
  private final List<Integer> asked = new ArrayList<>();
  private List<Stop> stops = List.of();

  /** Where the plan stops for code of the caller. */
  private record Stop(int op, HookPoint point, Hook hook) {}

  /** A sequence's place in the memory of the taps, and its tokens. */
  private static final class Slot {
    final int index;
    final int[] tokens;

    Slot(int index, int positions) {
      this.index = index;
      this.tokens = new int[positions];
    }
  }

  /** A sequence in a step, and how long it was before. */
  private record Running(Sequence sequence, int lengthBefore) {}

  /**
   * @param hooks of the plan; it will be that of the edited one
   * @param editable points that edits and hooks can be at
   * @param room edits that a point has room for at a time
   * @param watched sequences that it can keep activations of
   * @param shared the session whose sequences it runs, or null for its own
   */
  LensSession(
      Model model,
      HookMap hooks,
      Plan plan,
      Capture capture,
      SessionOptions options,
      List<HookPoint> editable,
      int room,
      int watched,
      @Nullable Session shared) {
    this.watched = watched;
    this.shared = shared != null;
    if (options.kvType() != KvType.F32) {
      throw new InvalidInputException(
          "kv type", options.kvType().name(), "patterns are those of an F32 cache");
    }
    this.capture = capture;
    List<HookPoint> points =
        capture.hooks().isEmpty()
            ? List.of()
            : HookPattern.select(capture.hooks(), hooks, model.architecture().layers());
    capture.requireBeginning();
    int to = Math.min(capture.to(), options.context());
    if (to <= capture.from()) {
      throw new InvalidInputException(
          "positions",
          capture.from() + ":" + (capture.to() == Integer.MAX_VALUE ? "" : capture.to()),
          "there are " + options.context());
    }
    this.edits = new EditTables(new EditPlacer(hooks, options.context()), editable, room);
    try {
      Plan editedPlan = EditedPlan.of(plan, hooks, edits);
      this.captured =
          new CapturedPoints(editedPlan, hooks, points, recomputed(options), capture.from());
      Map<Buffer, Integer> firsts = captured.firsts();
      this.allLogits = firsts.keySet().stream().anyMatch(x -> x.rows() == Rows.LOGITS);
      this.memory =
          new TapMemory(model.executor(), capture.type(), watched, options.sequences(), firsts, to);
      this.plan =
          TappedPlan.of(editedPlan, memory::has, x -> List.of(new HookOp.Tap(x, memory.target(x))));
    } catch (Throwable e) {
      edits.close();
      throw e;
    }
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

  /** Whether activations of a site have the same bits in steps of others, without adapters. */
  private Predicate<HookSite> recomputed(SessionOptions options) {
    boolean same = !options.fast() && options.adapters() == 0;
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

  /** The points whose activations are kept. */
  public List<HookPoint> points() {
    return captured.points();
  }

  @Override
  public Limits limits() {
    return session.limits();
  }

  /** A new, empty sequence that is watched. There is room for as many as the options say. */
  @Override
  public Sequence newSequence() {
    Sequence sequence = session.newSequence();
    watch(sequence);
    return sequence;
  }

  /**
   * From now on keeps the activations of a sequence, which has not run.
   *
   * @throws IllegalStateException when it has, or as many are watched as there is room for
   */
  public void watch(Sequence sequence) {
    int index = taken.nextClearBit(0);
    if (index == watched) {
      throw new IllegalStateException("the lens session has room for " + watched + " sequences");
    }
    if (sequence.length() > 0) {
      throw new IllegalStateException("the sequence has run " + sequence.length() + " tokens");
    }
    taken.set(index);
    slots.put(sequence, new Slot(index, session.limits().positions()));
  }

  /**
   * Forgets what was kept of a sequence, which makes room for another one.
   *
   * @throws IllegalArgumentException when it is not watched
   */
  public void unwatch(Sequence sequence) {
    taken.clear(slot(sequence).index);
    slots.remove(sequence);
  }

  /**
   * From the next step on these edits apply, in this order, and no others.
   *
   * @throws InvalidInputException as {@link #check} does; then those before still apply
   * @throws IllegalArgumentException when one is in a sequence that the session does not watch,
   *     unless it shares those of another session
   * @throws IllegalStateException when the session is closed
   */
  public void edits(List<Edit> newEdits) {
    session.requireOpen();
    for (Edit edit : newEdits) {
      if (edit.sequence() != null && !shared) {
        var _ = slot(edit.sequence());
      }
    }
    edits.set(newEdits);
  }

  /**
   * Checks that edits could apply; by any thread.
   *
   * @throws InvalidInputException when a point was not opened to be edited or has more edits than
   *     there is room for, or positions, columns or values do not fit it
   * @throws IllegalStateException when the session is closed
   */
  public void check(List<Edit> someEdits) {
    session.requireOpen();
    edits.check(someEdits);
  }

  /**
   * From the next step on these are called, each when the pass comes to its point and has edited
   * it, and no others.
   *
   * @throws InvalidInputException when the session was not opened to edit one of the points
   * @throws IllegalStateException when the session is closed
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
    asked.clear();
  }

  @Override
  public void add(Sequence sequence, int token, boolean wantsLogits) {
    Slot slot = slots.get(sequence);
    int position = sequence.length();
    int row = session.logitRows();
    // Where logits are kept, all rows have them.
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
    stepTokens.add(new SessionRows.Token(sequence, position, wantsLogits || allLogits));
  }

  private Slot slot(Sequence sequence) {
    Slot slot = slots.get(sequence);
    if (slot == null) {
      throw new IllegalArgumentException("the lens session does not watch the sequence");
    }
    return slot;
  }

  /**
   * {@inheritDoc} When it fails, because a {@link Hook} throws, its sequences are as they were
   * before it; where the model had states then that are no longer known ({@link
   * Sequence#firstReachable}), they are empty.
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

  private void runWithHooks() {
    int begin = 0;
    for (Stop stop : stops) {
      HookOp.Edit edit = (HookOp.Edit) plan.ops().get(stop.op);
      session.run(begin, stop.op + 1);
      begin = stop.op + 1;
      List<SessionRows.Token> tokens =
          edit.rows() == Rows.TOKENS
              ? stepTokens
              : stepTokens.stream().filter(SessionRows.Token::wantsLogits).toList();
      stop.hook.at(
          new SessionRows(
              stop.point, List.copyOf(tokens), edit.y().width(), session.data(edit.y())));
    }
    session.run(begin, plan.ops().size());
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
   * What was kept of a sequence so far. It ends with the session.
   *
   * @throws IllegalArgumentException when the sequence is not watched
   * @throws IllegalStateException when the session is closed
   */
  public ActivationCache cache(Sequence sequence) {
    session.requireOpen();
    return cache(sequence, memory, slot(sequence).index, false);
  }

  /**
   * The same in memory that lives until the cache is closed.
   *
   * @throws IllegalArgumentException when the sequence is not watched
   * @throws IllegalStateException when the session is closed
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
    return new KeptActivations(captured, kept, slot, limit, tokens, last);
  }

  /** Ends the session; what was kept of a sequence lives on until the cache is closed. */
  ActivationCache closeInto(Sequence sequence) {
    ActivationCache cache = cache(sequence, memory, slot(sequence).index, true);
    session.close();
    edits.close();
    return cache;
  }

  /** Frees its memory, and with it all activations. */
  @Override
  public void close() {
    session.close();
    edits.close();
    memory.close();
  }
}
