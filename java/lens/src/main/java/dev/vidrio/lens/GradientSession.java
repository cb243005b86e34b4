package dev.vidrio.lens;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ChosenRows;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.gradient.Gradient;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Change;
import dev.vidrio.lens.hook.Edit;
import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.lens.hook.HookSite;
import dev.vidrio.lens.plan.BlockInputs;
import dev.vidrio.lens.plan.EditPlacer;
import dev.vidrio.lens.plan.EditTables;
import dev.vidrio.lens.plan.EditedPlan;
import dev.vidrio.lens.plan.HookMap;
import dev.vidrio.lens.plan.HookPattern;
import dev.vidrio.lens.plan.HookSource;
import dev.vidrio.lens.plan.Inputs;
import dev.vidrio.lens.plan.PointGradient;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Gradients of a number with respect to activations, through the weights that serve:
 *
 * {@snippet file="LensExamplesTest.java" region="gradient"}
 *
 * <p>A function of activations other than the last logits takes three steps: the forward pass, the
 * function's gradient with respect to these activations, and the backward pass:
 *
 * {@snippet file="LensExamplesTest.java" region="seed"}
 *
 * <p>Quantized weights multiply gradients as the floats they stand for, and quantizing activations
 * counts as the identity; {@linkplain Lens#fastGradients fast gradients} are quantized themselves.
 * The forward pass has the bits of any other run, and the backward pass has portable bits too. Not
 * thread-safe.
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
  private final ExecutablePlan plan;
  private State state = State.EMPTY;

  /** Tokens before those of each way forward. */
  private int prefix;

  /** These tokens where the model has states, behind which nothing can go on twice. */
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
    var placer = new EditPlacer(hooks, options.tokens());
    this.edits = new EditTables(placer, editable, options.tokens());
    try {
      Plan edited = EditedPlan.of(model, hooks, edits);
      for (HookPoint point : seeded) {
        seeds.put(point, executor.allocate(bytes(buffer(point), room(buffer(point))), arena));
      }
      this.gradient = lens.computed(derive(edited, options));
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
   * @throws InvalidInputException when a name means no hook point, or one without a gradient, or no
   *     gradient leads from the seeds to it, or the model was not made for so many tokens
   */
  public static GradientSession open(Lens lens, GradientOptions options) {
    int declared = lens.model().architecture().contextLength();
    if (options.tokens() > declared) {
      throw new InvalidInputException(
          "tokens",
          Integer.toString(options.tokens()),
          "the model was made for " + declared + " tokens");
    }
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
    List<Op> ops = ChosenRows.of(new Plan(model.ops(), model.kv(), kept)).ops();
    var forward = new Plan(ops, model.kv(), outputs);
    try {
      return options.recompute()
          ? Gradient.of(forward, seeded, wanted, options.rules(), BlockInputs.of(forward))
          : Gradient.of(forward, seeded, wanted, options.rules());
    } catch (IllegalArgumentException e) {
      throw new InvalidInputException("hooks", options.hooks(), String.valueOf(e.getMessage()));
    }
  }

  private Buffer buffer(HookPoint point) {
    if (hooks.source(point) instanceof HookSource.Written(Buffer buffer)) {
      return buffer;
    }
    throw new InvalidInputException(
        "hook", point.name(), "is no activation that the model computes with");
  }

  private int room(Buffer buffer) {
    return buffer.rows() == Rows.TOKENS ? limits.tokens() : limits.logits();
  }

  private static long bytes(Buffer buffer, int rows) {
    return Math.multiplyExact((long) buffer.width() * Float.BYTES, rows);
  }

  /** The points whose gradients it computes, in the order of a forward pass. */
  public List<HookPoint> points() {
    return points;
  }

  /**
   * From the next way forward on these edits apply, in this order, and no others. Activations and
   * gradients at a point are those after its edits.
   *
   * @throws InvalidInputException when one names a point that the session was not opened to edit,
   *     does not fit it, or is a clamp, through which no gradient goes; then those before still
   *     apply
   */
  public void edits(List<Edit> newEdits) {
    requireOpen();
    for (Edit edit : newEdits) {
      if (edit.sequence() != null) {
        throw new InvalidInputException(
            "edit of " + edit.point(), "", "a gradient session's sequence is its own");
      }
      if (edit.change() instanceof Change.Clamp) {
        throw new InvalidInputException("edit of " + edit.point(), "", "a clamp has no gradient");
      }
    }
    edits.set(newEdits);
  }

  /**
   * Runs a text forward and back.
   *
   * @param tokens used as they are; those behind the {@linkplain #prefix prefix}, if there is one
   * @param metric of the logits after the last token, which have to be a seed
   * @return the number
   * @throws InvalidInputException when the text is empty or too long, or a token is unknown
   */
  public double run(int[] tokens, DifferentiableMetric metric) {
    forward(tokens);
    HookPoint point = HookPoint.of(HookSite.LOGITS);
    MemorySegment logits = data(buffer(point));
    long row = bytes(buffer(point), 1);
    long last = logits.byteSize() - row;
    double value = metric.of(logits.asSlice(last), seed(point).data().asSlice(last));
    backward();
    return value;
  }

  /**
   * Runs what the texts to come begin with, forward and once for all of them. They go on behind it;
   * what they see of it counts as constant, and activations and gradients are those at their own
   * tokens. If the model has states, it runs again with each text, edited as that is.
   *
   * @param tokens used as they are; none where texts begin anew
   * @throws InvalidInputException when they leave no room for a text, a token is unknown, or the
   *     session has points of scores or patterns
   */
  public void prefix(int... tokens) {
    requireOpen();
    Interruption.check();
    points.forEach(Inputs::requireRows);
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
   * Runs a text forward. All seeds are 0 then.
   *
   * @param tokens used as they are; those behind the {@linkplain #prefix prefix}, if there is one
   * @throws InvalidInputException when the text is empty or too long, or a token is unknown
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
    fill(tokens, logits);
    edits.assign(List.of());
    state = State.EMPTY;
    Interruption.run(plan, batch, 0, gradient.forwardOps());
  }

  private void requireFit(int[] tokens) {
    int room = limits.tokens() - prefix;
    if (tokens.length == 0 || tokens.length > room) {
      throw new InvalidInputException(
          "text", tokens.length + " tokens", "must have 1 to " + room + " tokens");
    }
    for (int token : tokens) {
      if (token < 0 || token >= limits.vocabulary()) {
        throw new InvalidInputException(
            "token id", Integer.toString(token), "must be 0 to " + (limits.vocabulary() - 1));
      }
    }
  }

  private void fill(int[] tokens, int logits) {
    batch.clear();
    int sequence = batch.addSequence(blocks, blocks.length, slot);
    for (int i = 0; i < before.length; i++) {
      batch.add(before[i], i, sequence, false);
    }
    for (int i = 0; i < tokens.length; i++) {
      batch.add(tokens[i], prefix + i, sequence, i >= tokens.length - logits);
    }
  }

  /** Rows of a buffer but for those of a prefix that runs again. */
  private int rows(Buffer buffer) {
    return batch.rows(buffer.rows()) - (buffer.rows() == Rows.TOKENS ? before.length : 0);
  }

  private MemorySegment own(Buffer buffer, MemorySegment all) {
    long end = bytes(buffer, batch.rows(buffer.rows()));
    long bytes = bytes(buffer, rows(buffer));
    return all.asSlice(end - bytes, bytes);
  }

  /**
   * The gradient of the number with respect to a seed, which the caller fills between the ways
   * forward and back.
   */
  public Activation seed(HookPoint point) {
    require(State.FORWARD);
    MemorySegment values = seeds.get(point);
    if (values == null) {
      throw new InvalidInputException("seed", point.name(), "is none of this gradient session");
    }
    Buffer buffer = buffer(point);
    return shaped(point, buffer, own(buffer, values));
  }

  /** Runs back from the seeds. */
  public void backward() {
    require(State.FORWARD);
    state = State.EMPTY;
    Interruption.run(plan, batch, gradient.forwardOps(), gradient.plan().ops().size());
    state = State.BACKWARD;
  }

  /** The gradient with respect to the activation at a point, valid until the next way forward. */
  public Activation gradient(HookPoint point) {
    require(State.BACKWARD);
    requireWanted(point);
    PointGradient at = PointGradient.of(hooks, point);
    MemorySegment dy = data(gradient.of(at.gradient()));
    return shaped(point, at.gradient(), at.written() ? dy : at.of(dy, this::data, executor));
  }

  /**
   * The activation at a point or a seed, valid until the next way forward.
   *
   * @throws InvalidInputException when the point is none of this session, or what lies there is
   *     computed only for {@link ActivationCache}
   */
  public Activation activation(HookPoint point) {
    requireOpen();
    if (state == State.EMPTY) {
      throw new IllegalStateException("the gradient session has run no text");
    }
    if (!seeds.containsKey(point)) {
      requireWanted(point);
    }
    Buffer buffer = buffer(point);
    return shaped(point, buffer, data(buffer));
  }

  private void requireWanted(HookPoint point) {
    if (!points.contains(point)) {
      throw new InvalidInputException("hook", point.name(), "is not in this gradient session");
    }
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

  private void require(State needed) {
    requireOpen();
    if (state != needed) {
      throw new IllegalStateException(
          "the gradient session must have run "
              + (needed == State.FORWARD ? "forward, and not yet back" : "back"));
    }
  }

  /** Frees its memory, and with it all activations and gradients. */
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
