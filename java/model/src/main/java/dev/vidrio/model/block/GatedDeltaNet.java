package dev.vidrio.model.block;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.SequenceOp.Grouping;
import dev.vidrio.kernel.op.SequenceOp.Part;
import dev.vidrio.kernel.op.SequenceOp.Recurrence.Inputs;
import dev.vidrio.kernel.op.SequenceOp.Update;
import dev.vidrio.kernel.weight.Weights;
import java.util.Arrays;

/**
 * Gated DeltaNet (Yang et al. 2024, arXiv 2412.06464), a recurrence that replaces attention. Each
 * head has a state, which decays from token to token and is corrected by the difference between the
 * value of a token and what the state returns for its key. Queries, keys and values pass a short
 * convolution; the output is normalized and gated.
 *
 * @param state dimensions of what a layer keeps of a sequence
 * @param grouping assignment of value heads to key heads
 * @param most largest part of the difference that a token corrects; above 1 it may overshoot (arXiv
 *     2411.12537)
 * @param epsilon epsilon of the norm of the output; 0 for that of the other norms
 */
public record GatedDeltaNet(KvShape.Recurrent state, Grouping grouping, float most, float epsilon) {
  /** Reads the dimensions from a model's keys. */
  public static GatedDeltaNet read(Hyperparameters params, Grouping grouping) {
    return new GatedDeltaNet(StateDimensions.read(params), grouping, 1, 0);
  }

  /** Returns a net with another largest correction. */
  public GatedDeltaNet correcting(float newMost) {
    return new GatedDeltaNet(state, grouping, newMost, epsilon);
  }

  /** Returns a net with another epsilon of the norm of the output. */
  public GatedDeltaNet normalizing(float newEpsilon) {
    return new GatedDeltaNet(state, grouping, most, newEpsilon);
  }

  /** Returns the recurrence of a layer. */
  public Sublayer of(Transformer model, Layer layer) {
    var block = new Block(this, model, layer);
    return block::write;
  }

  /** The operations of a layer. */
  private record Block(GatedDeltaNet net, Transformer model, Layer layer) {
    Buffer write(String hook, Buffer x) {
      PlanBuilder plan = model.plan();
      int keyWidth = net.state.width(Part.KEY);
      Buffer q = unit(Part.QUERY, net.state.dK(), convolved("q", hook("q_silu"), Part.QUERY, 0, x));
      Buffer k = unit(Part.KEY, 1, convolved("k", hook("k_silu"), Part.KEY, keyWidth, x));
      Buffer v = convolved("v", layer.hook(HookSite.RECURRENT_V), Part.VALUE, 2 * keyWidth, x);
      Weights bias = model.weights().vector(layer.tensor("ssm_dt.bias"), net.state.heads());
      Buffer alpha = plan.linear(hook("step_pre"), numbers("alpha", net.state.heads(), x), bias, x);
      Buffer step =
          plan.activation(layer.hook(HookSite.RECURRENT_STEP), ActivationKind.SOFTPLUS, alpha);
      Buffer betaPre = plan.linear(hook("beta_pre"), numbers("beta", 0, x), null, x);
      Buffer beta = beta(betaPre);
      WeightLoader weights = model.weights();
      Weights a = weights.rates(weights.vector(layer.tensor("ssm_a"), net.state.heads()));
      Buffer z =
          plan.recurrence(
              layer.hook(HookSite.RECURRENT_Z),
              layer.cache(),
              Update.DELTA,
              net.grouping,
              a,
              null,
              new Inputs<>(q, k, v, step, beta));
      Buffer normalized =
          model.headNorm(
              hook("z_norm"),
              layer.tensor("ssm_norm"),
              net.state.dV(),
              net.state.dV(),
              net.epsilon == 0 ? model.epsilon() : net.epsilon,
              z);
      Buffer gate = gate(x);
      Buffer post =
          plan.gated(layer.hook(HookSite.RECURRENT_POST), ActivationKind.SILU, gate, normalized);
      return model.linear(hook, layer.tensor("ssm_out"), x.width(), post);
    }

    private Buffer beta(Buffer pre) {
      PlanBuilder plan = model.plan();
      String name = layer.hook(HookSite.RECURRENT_BETA);
      if (net.most == 1) {
        return plan.activation(name, ActivationKind.SIGMOID, pre);
      }
      Buffer share = plan.activation(hook("beta_share"), ActivationKind.SIGMOID, pre);
      return plan.scale(name, net.most, share);
    }

    private String hook(String name) {
      return layer.hook("recurrent." + name);
    }

    /** Writes queries, keys or values: a projection, a convolution, SiLU. */
    private Buffer convolved(String which, String name, Part part, int first, Buffer x) {
      int n = net.state.width(part);
      String pre = layer.hook(RecurrentSites.pre(part));
      int width = 2 * net.state.width(Part.KEY) + net.state.width(Part.VALUE);
      Buffer projected =
          isOld() ? old(pre, first, n, x) : layer.projected(pre, which, first, n, width, x);
      Weights kernel = kernel(which, first, n, width);
      PlanBuilder plan = model.plan();
      Buffer mixed = plan.conv(hook(which + "_conv"), layer.cache(), part, kernel, projected);
      return plan.activation(name, ActivationKind.SILU, mixed);
    }

    /** Returns the kernel, which has a tensor per projection if the projections have. */
    private Weights kernel(String which, int first, int n, int width) {
      WeightLoader weights = model.weights();
      int taps = net.state.taps();
      return weights.has(layer.tensor("attn_" + which + ".weight"))
          ? weights.transposed(layer.tensor("ssm_conv1d_" + which + ".weight"), taps, n)
          : weights.transposed(layer.tensor("ssm_conv1d.weight"), taps, first, n, width);
    }

    private Buffer gate(Buffer x) {
      String name = layer.hook(HookSite.RECURRENT_GATE);
      int n = net.state.width(Part.VALUE);
      return isOld()
          ? old(name, 2 * net.state.width(Part.KEY) + n, n, x)
          : model.linear(name, layer.tensor("attn_gate"), n, x);
    }

    /** Returns whether the projections of a key head are adjacent, as in Qwen3-Next. */
    private boolean isOld() {
      return model.weights().has(layer.tensor("ssm_in.weight"));
    }

    private Buffer old(String name, int first, int n, Buffer x) {
      int rows = 2 * (net.state.width(Part.KEY) + net.state.width(Part.VALUE));
      return model.plan().linear(name, ofKeyHeads("ssm_in", first, n, rows, x), null, x);
    }

    /**
     * Returns the matrix of alpha or beta of each head; some files have both in one tensor, per key
     * head.
     */
    private Weights numbers(String which, int first, Buffer x) {
      int heads = net.state.heads();
      return model.weights().has(layer.tensor("ssm_ba.weight"))
          ? ofKeyHeads("ssm_ba", first, heads, 2 * heads, x)
          : model.weights().matrix(layer.tensor("ssm_" + which + ".weight"), heads, x.width());
    }

    /**
     * Returns a part of a matrix with parts that are adjacent per key head.
     *
     * @param first first row if parts followed each other as wholes
     * @param n rows of the part
     * @param rows rows of all parts
     */
    private Weights ofKeyHeads(String tensor, int first, int n, int rows, Buffer x) {
      int heads = net.state.keyHeads();
      String name = layer.tensor(tensor + ".weight");
      return model
          .weights()
          .headRows(name, heads, first / heads, n / heads, rows / heads, x.width());
    }

    /** Writes the vector of each head divided by its length and by √divisor. */
    private Buffer unit(Part part, int divisor, Buffer x) {
      // x/√(Σx² + ε) is x/√(mean(x²) + ε/d) divided by the root of d.
      var gain = new float[net.state.dK()];
      Arrays.fill(gain, (float) (1 / Math.sqrt((double) net.state.dK() * divisor)));
      String name = layer.hook(RecurrentSites.of(part));
      Weights constant = model.weights().constants(name + ".gain", gain);
      float epsilon = model.epsilon() / net.state.dK();
      return model.plan().headNorm(name, NormKind.RMS, net.state.dK(), x, epsilon, constant);
    }
  }
}
