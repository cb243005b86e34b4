package dev.vidrio.lens;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.kernel.pass.Gradient;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Hook;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.partial.TransposedWeights;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookPattern;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.Model;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Runs a model with access to its activations: reads them into an {@link ActivationCache}, changes
 * them by an {@link Intervention} or a {@link Hook}, and opens sessions that do so step by step. It
 * uses the weights and kernels that serve, so results have the bits of an ordinary run.
 *
 * {@snippet file="LensExamplesTest.java" region="cache"}
 *
 * <p>Thread-safe. To cancel work, interrupt its thread: before its next forward pass, and within a
 * pass of gradients, it throws a {@link java.util.concurrent.CancellationException}, and the thread
 * stays interrupted.
 *
 * @see LensSession
 * @see GradientSession
 * @see "docs/lens/README.md"
 */
public final class Lens {
  /** Tokens per step. */
  private static final int BATCH = 512;

  /** Maximum number of interventions at a point per sequence of a session. */
  public static final int EDITS = 64;

  private final Model model;

  /** Hook points of the plan for contexts that are not long. */
  private final HookMap hooks;

  /** The arithmetic of the products of fast gradients; null for exact ones. */
  private final @Nullable Arithmetic gradients;

  private final @Nullable Adaptation adaptation;

  /** The interventions of all forward passes. */
  private final List<Intervention> edits;

  private Lens(
      Model model,
      HookMap hooks,
      @Nullable Arithmetic gradients,
      @Nullable Adaptation adaptation,
      List<Intervention> edits) {
    this.model = model;
    this.hooks = hooks;
    this.gradients = gradients;
    this.adaptation = adaptation;
    this.edits = edits;
  }

  /**
   * Returns the lens of a model, which must stay open.
   *
   * @throws dev.vidrio.error.UnsupportedModelException if the model is an encoder
   */
  public static Lens of(Model model) {
    model.loaded().requireDecoder();
    return ofActivations(model);
  }

  /**
   * Returns the lens of a model that may also be an encoder, which must stay open. Of an encoder it
   * reads and changes activations: hook points, runs and sessions, in which all tokens of a
   * sequence run in one step, with token types of 0. Methods that need logits fail.
   */
  public static Lens ofActivations(Model model) {
    return new Lens(model, HookMap.of(model), null, null, List.of());
  }

  /** Returns a lens with fast gradients in {@link Arithmetic#INT8}. */
  public Lens fastGradients() {
    return fastGradients(Arithmetic.INT8);
  }

  /**
   * Returns a lens with faster, approximate gradients: the products of the backward pass are in an
   * arithmetic of forward passes. This adds less error to a gradient than quantized activations do
   * in the forward pass (docs/lens/attribution.md has figures). It needs the transposed weights
   * too, which are computed with the first such gradient, take 1.06 bytes per weight in int8, 2 in
   * bf16, and live as long as the model. Forward passes keep their bits, and gradients have
   * portable bits too.
   *
   * @param arithmetic {@link Arithmetic#BF16} is closer to exact gradients, and faster on
   *     processors with AMX-BF16
   */
  public Lens fastGradients(Arithmetic arithmetic) {
    return new Lens(model, hooks, arithmetic, adaptation, edits);
  }

  /**
   * Returns a lens that uses an adapter in its forward passes. Gradients are not supported, and
   * methods that read weights, such as {@code hook_result}, read those of the model without the
   * adapter.
   *
   * @param newAdaptation an adapter of this model; null for none
   */
  public Lens adapted(@Nullable Adaptation newAdaptation) {
    return new Lens(model, hooks, gradients, newAdaptation, edits);
  }

  /**
   * Returns a lens of the changed model: all forward passes have these interventions, before those
   * of a method. Runs, sessions, gradients and methods of interventions support them; methods that
   * compute with weights alone, or with gradients of several texts, reject them.
   *
   * @param newEdits instead of those of this lens; they select no sequence
   */
  public Lens edited(List<Intervention> newEdits) {
    for (Intervention edit : newEdits) {
      Preconditions.require(
          edit.sequence() == null, "edit of " + edit.point(), "", "must not select a sequence");
    }
    return new Lens(model, hooks, gradients, adaptation, List.copyOf(newEdits));
  }

  /** Returns the interventions of all forward passes. */
  public List<Intervention> edits() {
    return edits;
  }

  /**
   * Rejects interventions of the lens.
   *
   * @param method the method that does not support them
   * @throws InvalidInputException if there are any
   */
  public void requireUnedited(String method) {
    Preconditions.require(edits.isEmpty(), "edit", "", "is not supported by " + method);
  }

  /** Returns the options of a session with the adapter of this lens, if it has one. */
  SessionOptions adapted(SessionOptions options) {
    return adaptation == null ? options : options.withAdaptation(adaptation);
  }

  /** Returns the adapter of forward passes, or null. */
  public @Nullable Adaptation adaptation() {
    return adaptation;
  }

  /** Returns whether forward passes use an adapter. */
  public boolean isAdapted() {
    return adaptation != null;
  }

  /** Returns a gradient as this lens computes it: exact or fast. */
  Gradient computed(Gradient exact) {
    if (gradients == null) {
      return exact;
    }
    TransposedWeights transposed = TransposedWeights.of(model);
    return exact.in(gradients, weights -> transposed.transpose(weights, gradients));
  }

  /** Returns the model. */
  public Model model() {
    return model;
  }

  HookMap hooks() {
    return hooks;
  }

  /** Returns the hook points of the model, in the order of a forward pass. */
  public List<HookPoint> points() {
    return hooks.points();
  }

  /**
   * Returns the hook points that patterns select, as in {@link Capture#hooks}.
   *
   * @throws InvalidInputException if a pattern selects none
   */
  public List<HookPoint> points(String names) {
    return HookPattern.select(names, hooks, model.architecture().layers());
  }

  /**
   * Returns the hook point with a name, such as {@code blocks.-1.hook_resid_post}.
   *
   * @throws InvalidInputException if the name selects none or several
   */
  public HookPoint point(String name) {
    List<HookPoint> meant = points(name);
    if (meant.size() > 1) {
      throw new InvalidInputException(
          "hook", name, "must select one hook point, not " + meant.size());
    }
    return meant.getFirst();
  }

  /** Returns whether the model has a hook point. */
  public boolean has(HookPoint point) {
    return hooks.has(point);
  }

  /**
   * Runs tokens and keeps activations.
   *
   * @param tokens BOS is not added
   * @throws InvalidInputException if a pattern selects no hook point, or the model does not support
   *     the tokens
   */
  public ActivationCache run(int[] tokens, Capture capture) {
    return run(tokens, capture, List.of());
  }

  /** Runs a text, with BOS if the model requires it, and keeps activations. */
  public ActivationCache run(String text, Capture capture) {
    return run(model.tokenizer().encode(text), capture);
  }

  /**
   * Runs tokens with interventions, applied in their order, and keeps activations.
   *
   * @throws InvalidInputException also if an intervention does not fit its point
   */
  public ActivationCache run(int[] tokens, Capture capture, List<Intervention> edits) {
    List<HookPoint> points = edits.stream().map(Intervention::point).distinct().toList();
    return run(tokens, capture, points, edits.size(), session -> session.edits(edits));
  }

  /**
   * Runs tokens with callbacks in the forward pass, and keeps activations.
   *
   * @throws InvalidInputException also if a point cannot be edited
   */
  public ActivationCache run(int[] tokens, Capture capture, Map<HookPoint, Hook> hooks) {
    return run(tokens, capture, List.copyOf(hooks.keySet()), 1, session -> session.hooks(hooks));
  }

  /**
   * Runs tokens and returns the activation of one.
   *
   * @param point with one row per token
   */
  public float[] row(int[] tokens, HookPoint point, int position) {
    Preconditions.requireRows(point);
    Capture one = Capture.of(point.name()).positions(position, position + 1);
    try (ActivationCache cache = run(tokens, one)) {
      return cache.get(point).row(0);
    }
  }

  private ActivationCache run(
      int[] tokens,
      Capture capture,
      List<HookPoint> editable,
      int room,
      Consumer<LensSession> prepare) {
    Preconditions.requireTokens(model, tokens);
    int batch = model.architecture().isEncoder() ? tokens.length : Math.min(BATCH, tokens.length);
    var options = SessionOptions.exact(tokens.length, batch, 1, 1);
    LensSession session = open(capture.of(tokens.length), options, editable, Math.max(1, room));
    try {
      prepare.accept(session);
      session.endAfterCaptured();
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
   * @param options {@link SessionOptions#EXACT} does not round the keys and values that patterns
   *     are computed from
   * @throws InvalidInputException if a pattern selects no hook point, or the options do not fit the
   *     model
   */
  public LensSession open(Capture capture, SessionOptions options) {
    return open(capture, options, List.of(), 1);
  }

  /**
   * Opens a session that keeps activations and can change some.
   *
   * @param editable patterns of the points of interventions and hooks, as in {@link Capture#hooks},
   *     not blank; points that cannot be edited are skipped if the pattern also selects others
   * @throws InvalidInputException if a pattern selects no point that can be edited, or the options
   *     do not fit the model
   */
  public LensSession open(Capture capture, SessionOptions options, String editable) {
    return open(
        capture, options, editablePoints(editable), Math.multiplyExact(EDITS, options.sequences()));
  }

  /**
   * Opens a session that keeps activations of another session's sequences, and can change some. A
   * sequence may run in either session, step by step, and has the same bits.
   *
   * @param editable as in {@link #open(Capture, SessionOptions, String)}; blank for none
   * @param watched maximum number of sequences with kept activations
   * @param session must stay open
   * @throws InvalidInputException as {@link #open(Capture, SessionOptions, String)} does
   */
  public LensSession open(Capture capture, String editable, int watched, Session session) {
    SessionOptions options = session.options();
    List<HookPoint> points = editable.isBlank() ? List.of() : editablePoints(editable);
    int room = Math.multiplyExact(EDITS, options.sequences());
    return new LensSession(this, capture, options, points, room, watched, session);
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
    SessionOptions own = options.withContext(context);
    return new LensSession(this, capture, adapted(own), editable, room, own.sequences(), null);
  }
}
