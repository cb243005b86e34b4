package dev.vidrio.model.architecture.decoder;

import dev.vidrio.kernel.op.ExpertOp.GroupRank;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.Transformer;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Mixtures of experts, by default in every layer and without a shared expert. */
public final class MixtureSpec implements FeedForwardSpec {
  private final Function<Transformer, Experts> experts;

  private MixtureSpec(Function<Transformer, Experts> experts) {
    this.experts = experts;
  }

  /** Returns mixtures that a function reads. */
  public static MixtureSpec reading(Function<Transformer, Experts> experts) {
    return new MixtureSpec(experts);
  }

  /** Reads the experts of a model. */
  public Experts experts(Transformer model) {
    return experts.apply(model);
  }

  @Override
  public OfLayer of(Transformer model) {
    Experts read = experts(model);
    return (layer, residPre) -> layer.mixture(read);
  }

  /**
   * Returns mixtures with these scores and weights unless the file says otherwise.
   *
   * @param score function of the router's logits
   * @param over the experts over which the weights of a token add up to 1
   */
  public static MixtureSpec of(RouteScore score, RouteOver over) {
    return grouped(score, over, null);
  }

  /** Returns mixtures with experts that may be chosen in groups, ranked as given. */
  public static MixtureSpec grouped(RouteScore score, RouteOver over, @Nullable GroupRank rank) {
    return reading(model -> Experts.read(model.params(), model.dimensions(), score, over, rank));
  }

  /** Returns mixtures changed by what the file says. */
  public MixtureSpec change(BiFunction<Experts, Hyperparameters, Experts> change) {
    return reading(model -> change.apply(experts(model), model.params()));
  }

  /** Returns mixtures with weights scaled by the file's factor. */
  public MixtureSpec scaled() {
    return change(Experts::scaled);
  }

  /** Returns mixtures with the file's shared expert. */
  public MixtureSpec shared() {
    return change(Experts::shared);
  }

  /** Returns mixtures with another activation of the experts' gates. */
  public MixtureSpec gatedBy(ActivationKind activation) {
    return change((experts, params) -> experts.gatedBy(activation));
  }

  /** Returns mixtures in the layers that the file's keys name; the others are dense. */
  public MixtureSpec inListedLayers() {
    return reading(model -> experts(model).inLayers(model.params(), model.dimensions()));
  }

  /** Returns mixtures from the first layer on that has a router; the layers before are dense. */
  public MixtureSpec inLayersWithRouter() {
    return reading(model -> experts(model).inLayers(model.weights(), model.dimensions()));
  }

  /** Returns SwiGLU blocks for models without experts. */
  public FeedForwardSpec orDense() {
    return orElse(FeedForwardSpec.gated(ActivationKind.SILU));
  }

  /** Returns other blocks for models without experts. */
  public FeedForwardSpec orElse(FeedForwardSpec dense) {
    return model -> (Experts.has(model.params()) ? this : dense).of(model);
  }
}
