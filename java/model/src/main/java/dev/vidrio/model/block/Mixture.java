package dev.vidrio.model.block;

import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.PlanBuilder.Routes;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.weight.Weights;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The mixture of experts of a layer. Activations between the router and the sum have the experts of
 * a token side by side.
 */
final class Mixture {
  /** Tensor with a factor per expert, given as scales of the last matrices. */
  private static final String OWN_SCALES = "ffn_down_exps.scale";

  private final Transformer model;
  private final Experts experts;
  private final WeightLoader weights;
  private final PlanBuilder plan;
  private final Layer layer;
  private final String hooks;
  private final String tensors;

  Mixture(Transformer model, Experts experts, Layer layer) {
    this.model = model;
    this.experts = experts;
    this.weights = model.weights();
    this.plan = model.plan();
    this.layer = layer;
    this.hooks = layer.hook("mlp.");
    this.tensors = layer.tensor("");
  }

  /**
   * Writes the sum of the experts of a token, and of the shared expert.
   *
   * @param asked input of the router
   * @param x input of the experts
   */
  Buffer write(String hook, Buffer asked, Buffer x) {
    return experts.sharedWidth() == 0
        ? routed(hook, asked, x)
        : plan.add(hook, routed(hook + ".routed", asked, x), shared(hook + ".shared", x));
  }

  private Buffer routed(String hook, Buffer asked, Buffer x) {
    Routes routes = routes(asked);
    int d = x.width();
    // The one expert's input times its weight is the weighted sum of one slot.
    Buffer in = experts.weighsInputs() ? plan.expertSum(hooks + "experts_in", routes, x) : x;
    Buffer post = post(routes, in);
    if (experts.weighsInputs()) {
      return multiply(hook, "ffn_down", d, routes, post);
    }
    return plan.expertSum(
        hook, routes, multiply(hooks + "experts_out", "ffn_down", d, routes, post));
  }

  private Buffer post(Routes routes, Buffer x) {
    int n = experts.width();
    if (!experts.gated()) {
      Buffer pre = multiply(layer.hook(HookSite.PRE), "ffn_up", n, routes, x);
      return plan.activation(layer.hook(HookSite.POST), experts.gate(), pre);
    }
    Buffer gate = multiply(layer.hook(HookSite.PRE), "ffn_gate", n, routes, x);
    Buffer up = multiply(layer.hook(HookSite.PRE_LINEAR), "ffn_up", n, routes, x);
    return new FeedForward(model, layer, FeedForward.Sites.MLP, "", n, experts.limits().routed())
        .product(layer.hook(HookSite.POST), experts.gate(), gate, up);
  }

  private Routes routes(Buffer x) {
    Experts.Routing routing = experts.routing();
    int count = routing.count();
    Buffer logits = model.linear(hooks + "router_logits", tensors + "ffn_gate_inp", count, x);
    // Files of some models leave out what kind of tensor the bias is.
    String whole = tensors + "exp_probs_b";
    String tensor = weights.has(whole) ? whole : whole + ".bias";
    @Nullable Weights bias =
        routing.over() == RouteOver.SPARSE_MIXER ? null : weights.optionalVector(tensor, count);
    String hook = layer.hook(HookSite.EXPERT_WEIGHTS);
    boolean own = weights.has(tensors + OWN_SCALES);
    boolean scaled = routing.scale() != 1;
    Routes routes =
        plan.route(
            layer.hook(HookSite.EXPERT_INDICES),
            own || scaled ? hook + ".unscaled" : hook,
            routing.score(),
            routing.over(),
            bias,
            routing.groups(),
            routing.used(),
            logits);
    if (own) {
      List<Weights> factors = weights.factors(tensors + OWN_SCALES, count, routing.scale());
      Buffer product = plan.expertMatMul(hook, factors, null, routes, routes.weights());
      return new Routes(routes.experts(), product);
    }
    return scaled
        ? new Routes(routes.experts(), plan.scale(hook, routing.scale(), routes.weights()))
        : routes;
  }

  private Buffer multiply(String name, String tensor, int n, Routes routes, Buffer x) {
    int k = tensor.equals("ffn_down") ? experts.width() : x.width();
    List<Weights> matrices = weights.experts(tensors + tensor, experts.routing(), n, k);
    String bias = tensors + tensor + "_exps.bias";
    return plan.expertMatMul(
        name,
        matrices,
        weights.has(bias) ? weights.vectors(bias, experts.routing().count(), n) : null,
        routes,
        x);
  }

  /** Writes the shared expert, times its gate if it has one. */
  private Buffer shared(String hook, Buffer x) {
    String prefix = hooks + "shared.";
    int n = experts.sharedWidth();
    float limit = experts.limits().shared();
    var block = new FeedForward(model, layer, FeedForward.Sites.SHARED, "_shexp", n, limit);
    Sublayer ffn = experts.gated() ? block.gated(experts.gate()) : block.plain(experts.gate());
    String router = tensors + "ffn_gate_inp_shexp";
    if (!weights.has(router + ".weight")) {
      return ffn.write(hook, x);
    }
    Buffer out = ffn.write(prefix + "out", x);
    Routes routes =
        plan.route(
            prefix + "expert_indices",
            prefix + "expert_weights",
            RouteScore.SIGMOID,
            RouteOver.ALL,
            null,
            null,
            1,
            model.linear(prefix + "router_logits", router, 1, x));
    return plan.expertSum(hook, routes, out);
  }
}
