package dev.vidrio.lens;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.EditKind;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.pass.Differentiation;
import dev.vidrio.kernel.pass.GatherHoisting;
import dev.vidrio.kernel.pass.Gradient;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.hook.InterventionKind;
import dev.vidrio.lens.pass.EditInsertion;
import dev.vidrio.lens.pass.EditTables;
import dev.vidrio.lens.resolve.BlockInputs;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookPattern;
import dev.vidrio.lens.resolve.HookSource;
import dev.vidrio.lens.resolve.Preconditions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Computes gradients of a metric with respect to activations, with the weights that serve:
 *
 * {@snippet file="LensExamplesTest.java" region="gradient"}
 *
 * <p>A function of activations other than the last logits takes three steps: the forward pass, the
 * function's gradient with respect to these activations (the seeds), and the backward pass:
 *
 * {@snippet file="LensExamplesTest.java" region="seed"}
 *
 * <p>Gradients have the shapes of their activations, f32. The backward pass multiplies by quantized
 * weights as the floats they represent and treats the quantization of activations as the identity
 * (straight-through); {@linkplain Lens#fastGradients fast gradients} are quantized themselves. The
 * forward pass has the bits of any other run, and the backward pass has portable bits too.
 *
 * <p>Not thread-safe.
 *
 * @see GradientOptions
 * @see "docs/lens/attribution.md"
 */
public final class GradientSession implements AutoCloseable {
  private final Executor executor;
  private final HookMap hooks;
  private final List<HookPoint> points;
  private final Limits limits;
  private final Map<HookPoint, MemorySegment> seeds = new LinkedHashMap<>();
  private final EditTables edits;
  private final Gradient gradient;
  private final Arena arena = Arena.ofShared();
  private final Batch batch;
  private final int[] blocks;
  private final int slot;
  private final boolean repeatable;
  private final ExecutablePlan plan;
  private State state = State.EMPTY;

  /** Number of tokens before those of each forward pass. */
  private int prefix;

  /** The prefix tokens if the model has recurrent states, which cannot be continued twice. */
  private int[] before = {};

  private enum State {
    EMPTY,
    FORWARD,
    BACKWARD,
    CLOSED
  }

  private GradientSession(Lens lens, GradientOptions options) {
    int layers = lens.model().architecture().layers();
    Plan model = lens.model().architecture().plan(options.tokens());
    this.executor = lens.model().executor();
    this.hooks = new HookMap(model, layers);
    this.points = HookPattern.select(options.hooks(), hooks, layers);
    List<HookPoint> seeded = HookPattern.select(options.seeds(), hooks, layers);
    List<HookPoint> editable =
        options.editable().isEmpty()
            ? List.of()
            : HookPattern.select(options.editable(), hooks, layers);
    this.limits =
        new Limits(
            options.tokens(),
            Math.min(options.tokens(), options.logits()),
            1,
            options.tokens(),
            lens.model().architecture().vocabulary());
    this.edits = new EditTables(hooks, options.tokens(), editable, options.tokens(), lens.edits());
    try {
      Plan edited = new EditInsertion(hooks, edits).apply(model);
      for (HookPoint point : seeded) {
        seeds.put(point, executor.allocate(bytes(buffer(point), room(buffer(point))), arena));
      }
      Gradient derived = lens.computed(derive(edited, options));
      this.gradient = options.repeatable() ? derived.repeatable() : derived;
      this.repeatable = options.repeatable();
      this.batch = new Batch(limits, arena);
      int count = limits.blocksPerSequence();
      var cache = new KvCache(executor, model.kv(), KvType.F32, count, 1, arena);
      this.blocks = IntStream.generate(cache::acquire).limit(count).toArray();
      this.slot = cache.acquireSlot();
      this.plan = executor.prepare(gradient.plan(), limits, cache);
    } catch (Throwable e) {
      edits.close();
      arena.close();
      throw e;
    }
  }

  /**
   * Opens a session.
   *
   * @throws InvalidInputException if a pattern selects no hook point, or a point without a
   *     gradient, if no gradient flows from the seeds to a point, if the tokens exceed the model's
   *     context length, or if the lens has an adapter
   */
  public static GradientSession open(Lens lens, GradientOptions options) {
    Preconditions.require(!lens.isAdapted(), "adapter", "", "has no gradients");
    int declared = lens.model().architecture().contextLength();
    String limit = "the model was made for " + declared + " tokens";
    Preconditions.require(options.tokens() <= declared, "tokens", options.tokens(), limit);
    TokenLimit.check(options.tokens(), 1);
    lens.edits().forEach(GradientSession::requireGradient);
    return new GradientSession(lens, options);
  }

  private Gradient derive(Plan model, GradientOptions options) {
    Set<Buffer> wanted = new HashSet<>();
    Set<Buffer> outputs = new HashSet<>(model.outputs());
    for (HookPoint point : points) {
      PointGradient at = PointGradient.of(hooks, point);
      wanted.add(at.gradient());
      outputs.addAll(at.values());
    }
    Map<Buffer, MemorySegment> seeded = new LinkedHashMap<>();
    seeds.forEach((point, values) -> seeded.put(buffer(point), values));
    outputs.addAll(seeded.keySet());
    Set<Buffer> kept = new HashSet<>(outputs);
    kept.addAll(wanted);
    List<Op> ops = new GatherHoisting().apply(new Plan(model.ops(), model.kv(), kept)).ops();
    var forward = new Plan(ops, model.kv(), outputs);
    var differentiation = new Differentiation(seeded, wanted, options.rules());
    try {
      return options.recompute()
          ? differentiation.recomputing(BlockInputs.of(forward, hooks)).differentiate(forward)
          : differentiation.differentiate(forward);
    } catch (IllegalArgumentException e) {
      throw new InvalidInputException("hooks", options.hooks(), String.valueOf(e.getMessage()));
    }
  }

  private Buffer buffer(HookPoint point) {
    if (hooks.source(point) instanceof HookSource.Written(Buffer buffer)) {
      return buffer;
    }
    throw new InvalidInputException(
        "hook", point.name(), "is not an activation that the plan writes");
  }

  private int room(Buffer buffer) {
    return buffer.rows() == Rows.TOKENS ? limits.tokens() : limits.logits();
  }

  private static long bytes(Buffer buffer, int rows) {
    return Math.multiplyExact((long) buffer.width() * Float.BYTES, rows);
  }

  /**
   * Returns the bytes of the activations that the session keeps, without those of keys and values.
   */
  public long bytes() {
    long kept =
        gradient.plan().outputs().stream()
            .mapToLong(buffer -> bytes(buffer, room(buffer)))
            .reduce(0, Math::addExact);
    return seeds.values().stream().mapToLong(MemorySegment::byteSize).reduce(kept, Math::addExact);
  }

  /** Returns the points of the computed gradients, in the order of a forward pass. */
  public List<HookPoint> points() {
    return points;
  }

  /**
   * Sets the interventions of the next forward passes, applied in this order. Activations and
   * gradients at a point are those after its interventions.
   *
   * @throws InvalidInputException if one is at a point that was not opened as editable, does not
   *     fit it, or is a clamp, which has no gradient; the previous interventions then remain
   */
  public void edits(List<Intervention> newEdits) {
    requireOpen();
    for (Intervention edit : newEdits) {
      String field = "edit of " + edit.point();
      Preconditions.require(
          edit.sequence() == null, field, "", "must not select a sequence in a gradient session");
      requireGradient(edit);
    }
    edits.set(newEdits);
  }

  private static void requireGradient(Intervention edit) {
    boolean clamps = edit.kind() instanceof InterventionKind.Edit(EditKind.Clamp _);
    Preconditions.require(!clamps, "edit of " + edit.point(), "", "a clamp has no gradient");
  }

  /**
   * Runs a forward and a backward pass.
   *
   * @param tokens after the {@linkplain #prefix prefix}, if there is one; BOS is not added
   * @param metric of the logits after the last token, which must be a seed, or after the last
   *     {@link Metric#positions} tokens
   * @return the metric
   * @throws InvalidInputException if the text is empty or too long, a token is not in the
   *     vocabulary, or the session computes fewer logits than the metric reads
   */
  public double run(int[] tokens, DifferentiableMetric metric) {
    metric.requirePositions(tokens);
    int read = metric.positions();
    String limit = "the session computes those of the last " + limits.logits();
    Preconditions.require(read <= limits.logits(), "logits", read, limit);
    forward(tokens);
    HookPoint point = HookPoint.of(HookSite.LOGITS);
    MemorySegment logits = data(buffer(point));
    long last = logits.byteSize() - bytes(buffer(point), read);
    double value = metric.of(logits.asSlice(last), seed(point).data().asSlice(last));
    backward();
    return value;
  }

  /**
   * Runs a common prefix of the following texts once. Its activations are constants to the
   * gradient; activations and gradients are returned for the tokens after it. In models with
   * recurrent states the prefix runs again with each text, with its interventions.
   *
   * @param tokens BOS is not added; none removes the prefix
   * @throws InvalidInputException if the tokens leave no space for a text, a token is not in the
   *     vocabulary, or the session has points of scores or patterns
   */
  public void prefix(int... tokens) {
    requireOpen();
    Interruption.check();
    points.forEach(Preconditions::requireRows);
    prefix = 0;
    before = new int[0];
    state = State.EMPTY;
    if (tokens.length > 0) {
      requireFit(tokens);
      if (slot != Batch.NO_SLOT) {
        before = tokens.clone();
      } else {
        run(tokens, 0);
      }
      prefix = tokens.length;
    }
  }

  /**
   * Runs a forward pass and sets all seeds to 0.
   *
   * @param tokens after the {@linkplain #prefix prefix}, if there is one; BOS is not added
   * @throws InvalidInputException if the text is empty or too long, or a token is not in the
   *     vocabulary
   */
  public void forward(int[] tokens) {
    requireOpen();
    Interruption.check();
    seeds.values().forEach(values -> values.fill((byte) 0));
    run(tokens, limits.logits());
    state = State.FORWARD;
  }

  private void run(int[] tokens, int logits) {
    requireFit(tokens);
    batch.clear();
    int sequence = batch.addSequence(blocks, blocks.length, slot);
    for (int i = 0; i < before.length; i++) {
      batch.add(before[i], i, sequence, false);
    }
    for (int i = 0; i < tokens.length; i++) {
      batch.add(tokens[i], prefix + i, sequence, i >= tokens.length - logits);
    }
    edits.assign(List.of());
    state = State.EMPTY;
    Interruption.run(plan, batch, 0, gradient.forwardOps());
  }

  private void requireFit(int[] tokens) {
    Preconditions.requireLength(tokens, limits.tokens() - prefix);
    for (int token : tokens) {
      Preconditions.requireToken(limits.vocabulary(), token);
    }
  }

  /** Returns the number of rows without those of a prefix that runs again. */
  private int rows(Buffer buffer) {
    return batch.rows(buffer.rows()) - (buffer.rows() == Rows.TOKENS ? before.length : 0);
  }

  private MemorySegment own(Buffer buffer, MemorySegment all) {
    long end = bytes(buffer, batch.rows(buffer.rows()));
    long bytes = bytes(buffer, rows(buffer));
    return all.asSlice(end - bytes, bytes);
  }

  /**
   * Returns the gradient of the metric with respect to a seed, to be filled between the forward and
   * the backward pass, or before a repeated backward pass.
   */
  public Activation seed(HookPoint point) {
    requireForward();
    MemorySegment values = seeds.get(point);
    if (values == null) {
      throw new InvalidInputException(
          "seed", point.name(), "is not a seed of this gradient session");
    }
    Buffer buffer = buffer(point);
    return shaped(point, buffer, own(buffer, values));
  }

  /**
   * Runs the backward pass from the seeds; again after another one if the session is {@linkplain
   * GradientOptions#repeating repeatable}.
   */
  public void backward() {
    requireForward();
    backward(batch);
  }

  /**
   * Runs the backward pass over the first tokens alone, in less time: for seeds that are 0 after
   * them. Gradients have the bits of {@link #backward()}; after these tokens they are 0.
   *
   * @param tokens number of tokens, without those of the {@linkplain #prefix prefix}
   * @throws InvalidInputException if the text has fewer
   */
  public void backward(int tokens) {
    requireForward();
    int most = batch.tokenCount() - before.length;
    Preconditions.require(
        tokens >= 1 && tokens <= most, "tokens", tokens, "must be between 1 and " + most);
    Batch first = batch.first(before.length + tokens);
    backward(first);
    gradient.gradients().values().forEach(dx -> clearAfter(first, dx));
  }

  private void backward(Batch rows) {
    state = State.EMPTY;
    Interruption.run(plan, rows, gradient.forwardOps(), gradient.plan().ops().size());
    state = State.BACKWARD;
  }

  /** Sets the rows of an activation that are not in a step of the first tokens to 0. */
  private void clearAfter(Batch first, Buffer buffer) {
    long from = bytes(buffer, first.rows(buffer.rows()));
    long to = bytes(buffer, batch.rows(buffer.rows()));
    plan.data(buffer).asSlice(from, to - from).fill((byte) 0);
  }

  /** Returns the gradient with respect to the activation at a point, valid until the next pass. */
  public Activation gradient(HookPoint point) {
    require(State.BACKWARD);
    requireWanted(point);
    PointGradient at = PointGradient.of(hooks, point);
    MemorySegment dy = data(gradient.of(at.gradient()));
    return shaped(point, at.gradient(), at.of(dy, this::data, executor));
  }

  /**
   * Returns the activation at a point or a seed, valid until the next forward pass.
   *
   * @throws InvalidInputException if the point is not in this session, or its values exist only in
   *     an {@link ActivationCache}
   */
  public Activation activation(HookPoint point) {
    requireOpen();
    if (state == State.EMPTY) {
      throw new IllegalStateException("the gradient session has not run a text");
    }
    if (!seeds.containsKey(point)) {
      requireWanted(point);
    }
    Buffer buffer = buffer(point);
    return shaped(point, buffer, data(buffer));
  }

  private void requireWanted(HookPoint point) {
    String limit = "is not in this gradient session";
    Preconditions.require(points.contains(point), "hook", point.name(), limit);
  }

  private Activation shaped(HookPoint point, Buffer buffer, MemorySegment data) {
    int n = rows(buffer);
    return new Activation(point, hooks.shape(point, n, n, buffer.width()), data);
  }

  private MemorySegment data(Buffer buffer) {
    return own(buffer, plan.data(buffer));
  }

  private void requireOpen() {
    if (state == State.CLOSED) {
      throw new IllegalStateException("the gradient session is closed");
    }
  }

  private void requireForward() {
    if (!repeatable || state != State.BACKWARD) {
      require(State.FORWARD);
    }
  }

  private void require(State needed) {
    requireOpen();
    if (state != needed) {
      throw new IllegalStateException(
          "the gradient session must have run "
              + (needed == State.FORWARD ? "forward, and not yet backward" : "back"));
    }
  }

  /** Frees the session's memory, including all activations and gradients. */
  @Override
  public void close() {
    if (state != State.CLOSED) {
      state = State.CLOSED;
      plan.close();
      edits.close();
      arena.close();
    }
  }
}
