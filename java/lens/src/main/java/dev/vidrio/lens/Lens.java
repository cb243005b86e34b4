package dev.vidrio.lens;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.gradient.Gradient;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Edit;
import dev.vidrio.lens.hook.Hook;
import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.lens.plan.HookMap;
import dev.vidrio.lens.plan.HookPattern;
import dev.vidrio.lens.plan.Inputs;
import dev.vidrio.lens.plan.TransposedWeights;
import dev.vidrio.model.Model;
import dev.vidrio.model.Sequence;
import dev.vidrio.model.Session;
import dev.vidrio.model.SessionOptions;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Looks inside a model, on the very weights that serve:
 *
 * {@snippet file="LensExamplesTest.java" region="cache"}
 *
 * <p>Threads may share it. To cancel work, interrupt its thread: before its next pass through the
 * model, and within one of gradients, it throws a {@link
 * java.util.concurrent.CancellationException}, and the thread stays interrupted.
 */
public final class Lens {
  /** Tokens of a step. */
  private static final int BATCH = 512;

  /** Edits that a point has room for in each sequence of a session. */
  public static final int EDITS = 64;

  private final Model model;

  /** Of the plan for contexts that are not long. */
  private final HookMap hooks;

  private final boolean fastGradients;

  private Lens(Model model, HookMap hooks, boolean fastGradients) {
    this.model = model;
    this.hooks = hooks;
    this.fastGradients = fastGradients;
  }

  /** The lens of a model, which must stay open. */
  public static Lens of(Model model) {
    return new Lens(model, HookMap.of(model), false);
  }

  /**
   * The same lens, whose gradients are nearly right and faster: on the way back, too, products are
   * those of bytes. That adds to a gradient's error less than quantized activations do on the way
   * forward (docs/lens/attribution.md has figures). It needs the transposed weights as well, which
   * are made when the first such gradient is, take 1.06 bytes per weight and live as long as the
   * model. Ways forward keep their bits, and gradients have portable bits too.
   */
  public Lens fastGradients() {
    return new Lens(model, hooks, true);
  }

  /** How a gradient is computed: as it is, or fast. */
  Gradient computed(Gradient exact) {
    return fastGradients ? exact.quantized(TransposedWeights.of(model)::transpose) : exact;
  }

  /** The model. */
  public Model model() {
    return model;
  }

  HookMap hooks() {
    return hooks;
  }

  /** The hook points that the model has, in the order of a forward pass. */
  public List<HookPoint> points() {
    return hooks.points();
  }

  /**
   * The hook points that a list of names means, as in {@link Capture#hooks}.
   *
   * @throws InvalidInputException where a name means none
   */
  public List<HookPoint> points(String names) {
    return HookPattern.select(names, hooks, model.architecture().layers());
  }

  /**
   * The hook point that a name means, such as {@code blocks.-1.hook_resid_post}.
   *
   * @throws InvalidInputException where it means none, or several
   */
  public HookPoint point(String name) {
    List<HookPoint> meant = points(name);
    if (meant.size() > 1) {
      throw new InvalidInputException(
          "hook", name, "must mean one point, and means " + meant.size());
    }
    return meant.getFirst();
  }

  /** Whether the model has a hook point. */
  public boolean has(HookPoint point) {
    return hooks.has(point);
  }

  /**
   * Runs tokens and keeps activations.
   *
   * @param tokens used as they are
   * @throws InvalidInputException when a name means no hook point, or the model cannot take the
   *     tokens
   */
  public ActivationCache run(int[] tokens, Capture capture) {
    return run(tokens, capture, List.of());
  }

  /** Runs a text and keeps activations, with BOS where the model wants it. */
  public ActivationCache run(String text, Capture capture) {
    return run(model.tokenizer().encode(text), capture);
  }

  /**
   * The same with edits, which apply in their order.
   *
   * @throws InvalidInputException also when an edit does not fit its point
   */
  public ActivationCache run(int[] tokens, Capture capture, List<Edit> edits) {
    List<HookPoint> points = edits.stream().map(Edit::point).distinct().toList();
    return run(tokens, capture, points, edits.size(), session -> session.edits(edits));
  }

  /**
   * The same with code of the caller in the middle of the pass.
   *
   * @throws InvalidInputException also when a point is none that can be edited
   */
  public ActivationCache run(int[] tokens, Capture capture, Map<HookPoint, Hook> hooks) {
    return run(tokens, capture, List.copyOf(hooks.keySet()), 1, session -> session.hooks(hooks));
  }

  private ActivationCache run(
      int[] tokens,
      Capture capture,
      List<HookPoint> editable,
      int room,
      Consumer<LensSession> prepare) {
    Inputs.requireTokens(model, tokens);
    var options = new SessionOptions(tokens.length, Math.min(BATCH, tokens.length), 1, 1);
    LensSession session = open(capture.of(tokens.length), options, editable, Math.max(1, room));
    try {
      prepare.accept(session);
      Sequence sequence = session.newSequence();
      session.feed(sequence, tokens);
      return session.closeInto(sequence);
    } catch (Throwable e) {
      session.close();
      throw e;
    }
  }

  /**
   * Opens a session that keeps activations.
   *
   * @param options with a KV cache of F32, whose patterns are computed from it
   * @throws InvalidInputException when a name means no hook point, or the options do not fit the
   *     model
   */
  public LensSession open(Capture capture, SessionOptions options) {
    return open(capture, options, List.of(), 1);
  }

  /**
   * Opens a session that keeps activations and can change some.
   *
   * @param editable names of the points where edits and hooks will be, as in {@link Capture#hooks},
   *     at least one; those that cannot be edited are left out where others can
   * @throws InvalidInputException when a name means no point that can be edited, or the options do
   *     not fit the model
   */
  public LensSession open(Capture capture, SessionOptions options, String editable) {
    return open(
        capture, options, editablePoints(editable), Math.multiplyExact(EDITS, options.sequences()));
  }

  /**
   * Opens a session that keeps activations of another session's sequences, and can change some.
   * They take turns: a sequence may run in either, step by step, and has the same bits.
   *
   * @param editable as in {@link #open(Capture, SessionOptions, String)}; empty for none
   * @param watched sequences that it can keep activations of at a time
   * @param session has to stay open
   * @throws InvalidInputException as {@link #open(Capture, SessionOptions, String)} does
   */
  public LensSession open(Capture capture, String editable, int watched, Session session) {
    SessionOptions options = session.options();
    Plan plan = model.architecture().plan(options.context());
    return new LensSession(
        model,
        new HookMap(plan, model.architecture().layers()),
        plan,
        capture,
        options,
        editable.isBlank() ? List.of() : editablePoints(editable),
        Math.multiplyExact(EDITS, options.sequences()),
        watched,
        session);
  }

  private List<HookPoint> editablePoints(String names) {
    List<HookPoint> meant = points(names);
    List<HookPoint> points = meant.stream().filter(hooks::editable).toList();
    return points.isEmpty() ? meant : points;
  }

  private LensSession open(
      Capture capture, SessionOptions options, List<HookPoint> editable, int room) {
    int context =
        options.context() == 0
            ? Math.min(model.architecture().contextLength(), SessionOptions.DEFAULT_CONTEXT)
            : options.context();
    Plan plan = model.architecture().plan(context);
    return new LensSession(
        model,
        new HookMap(plan, model.architecture().layers()),
        plan,
        capture,
        options.withContext(context),
        editable,
        room,
        options.sequences(),
        null);
  }
}
