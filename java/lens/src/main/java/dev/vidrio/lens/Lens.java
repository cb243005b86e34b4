package dev.vidrio.lens;

import dev.vidrio.kernel.Plan;
import dev.vidrio.model.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.model.Sequence;
import dev.vidrio.model.SessionOptions;
import java.util.List;

/**
 * What happens inside a model, on the weights that serve:
 *
 * {@snippet file="LensExamplesTest.java" region="cache"}
 *
 * <p>May be shared by threads.
 */
public final class Lens {
  /** Tokens of a step. */
  private static final int BATCH = 512;

  private final Model model;

  private Lens(Model model) {
    this.model = model;
  }

  /** The lens of a model, which must stay open. */
  public static Lens of(Model model) {
    return new Lens(model);
  }

  /** The model. */
  public Model model() {
    return model;
  }

  /** The hook points that the model has, in the order of a forward pass. */
  public List<HookPoint> points() {
    return hooks(model.architecture().plan()).points();
  }

  /**
   * The hook points that a list of names means, as in {@link Capture#hooks}.
   *
   * @throws InvalidInputException where a name means none
   */
  public List<HookPoint> points(String names) {
    return HookPattern.select(
        names, hooks(model.architecture().plan()), model.architecture().layers());
  }

  /** Whether the model has a hook point. */
  public boolean has(HookPoint point) {
    return hooks(model.architecture().plan()).has(point);
  }

  private HookMap hooks(Plan plan) {
    return new HookMap(plan, model.architecture().layers());
  }

  /**
   * Runs tokens and keeps activations.
   *
   * @param tokens used as they are
   * @throws InvalidInputException when a name means no hook point, or the model cannot take the
   *     tokens
   */
  public ActivationCache run(int[] tokens, Capture capture) {
    int declared = model.architecture().contextLength();
    if (tokens.length == 0 || tokens.length > declared) {
      throw new InvalidInputException(
          "text", tokens.length + " tokens", "must have 1 to " + declared + " tokens");
    }
    var options = new SessionOptions(tokens.length, Math.min(BATCH, tokens.length), 1, 1);
    LensSession session = open(capture, options);
    try {
      Sequence sequence = session.newSequence();
      session.feed(sequence, tokens);
      return session.closeInto(sequence);
    } catch (Throwable e) {
      session.close();
      throw e;
    }
  }

  /** Runs a text and keeps activations, with BOS where the model wants it. */
  public ActivationCache run(String text, Capture capture) {
    return run(model.tokenizer().encode(text), capture);
  }

  /**
   * Opens a session that keeps activations.
   *
   * @throws InvalidInputException when a name means no hook point, or the options do not fit the
   *     model
   */
  public LensSession open(Capture capture, SessionOptions options) {
    int context =
        options.context() == 0
            ? Math.min(model.architecture().contextLength(), SessionOptions.DEFAULT_CONTEXT)
            : options.context();
    Plan plan = model.architecture().plan(context);
    return new LensSession(model, hooks(plan), plan, capture, options.withContext(context));
  }
}
