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
 * Gated DeltaNet (Yang et al. 2024, arXiv 2412.06464), which stands in the place of attention: each
 * head has a state, which fades from token to token, and which a token corrects where it answers
 * its key with another value than its own. Queries, keys and values are those of attention behind a
 * short convolution; what the states answer is normalized and gated.
 *
 * @param sizes what a layer keeps of a sequence
 * @param grouping which value heads share a key head
 * @param most how much of the difference a token corrects at most; by more than 1 it overshoots
 *     (arXiv 2411.12537)
 * @param epsilon of the norm behind the states; 0 for that of the others
 */
public record GatedDeltaNet(KvShape.Recurrent sizes, Grouping grouping, float most, float epsilon) {
  /** Reads its sizes from a model's keys. */
  public static GatedDeltaNet read(Keys keys, Grouping grouping) {
    return new GatedDeltaNet(StateSizes.read(keys), grouping, 1, 0);
  }

  /** The same that corrects so much at most. */
  public GatedDeltaNet correcting(float newMost) {
    return new GatedDeltaNet(sizes, grouping, newMost, epsilon);
  }

  /** The same with an epsilon of its own for the norm behind the states. */
  public GatedDeltaNet normalizing(float newEpsilon) {
    return new GatedDeltaNet(sizes, grouping, most, newEpsilon);
  }

  /** The block of a layer. */
  public Sublayer of(Transformer model, Layer layer) {
    var block = new Block(this, model, layer);
    return block::write;
  }

  private int keyWidth() {
    return sizes.width(Part.KEY);
  }

  private int valueWidth() {
    return sizes.width(Part.VALUE);
  }

  /** Its operations in a layer. */
  private record Block(GatedDeltaNet net, Transformer model, Layer layer) {
    Buffer write(String hook, Buffer x) {
      PlanBuilder plan = model.plan();
      int keyWidth = net.keyWidth();
      Buffer q = unit(Part.QUERY, net.sizes.dK(), convolved("q", hook("q_silu"), Part.QUERY, 0, x));
      Buffer k = unit(Part.KEY, 1, convolved("k", hook("k_silu"), Part.KEY, keyWidth, x));
      Buffer v = convolved("v", layer.hook(HookSite.RECURRENT_V), Part.VALUE, 2 * keyWidth, x);
      Weights bias = model.weights().vector(layer.tensor("ssm_dt.bias"), net.sizes.heads());
      Buffer alpha = plan.linear(hook("step_pre"), numbers("alpha", net.sizes.heads(), x), bias, x);
      Buffer step =
          plan.activation(layer.hook(HookSite.RECURRENT_STEP), ActivationKind.SOFTPLUS, alpha);
      Buffer betaPre = plan.linear(hook("beta_pre"), numbers("beta", 0, x), null, x);
      Buffer beta = beta(betaPre);
      Weights a = model.weights().rates(layer.tensor("ssm_a"), net.sizes.heads());
      Buffer z =
          plan.recurrence(
              layer.hook(HookSite.RECURRENT_Z),
              layer.cache(),
              Update.DELTA,
              net.grouping,
              a,
              null,
              new Inputs(q, k, v, step, beta));
      Buffer normalized =
          model.headNorm(
              hook("z_norm"),
              layer.tensor("ssm_norm"),
              net.sizes.dV(),
              net.sizes.dV(),
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

    /** Queries, keys or values: a projection, a convolution, SiLU. */
    private Buffer convolved(String which, String name, Part part, int first, Buffer x) {
      int n = net.sizes.width(part);
      String pre = layer.hook(RecurrentSites.pre(part));
      int width = 2 * net.keyWidth() + net.valueWidth();
      Buffer projected =
          isOld() ? old(pre, first, n, x) : layer.projected(pre, which, first, n, width, x);
      Weights kernel = kernel(which, first, n, width);
      PlanBuilder plan = model.plan();
      Buffer mixed =
          plan.recurrentConv(hook(which + "_conv"), layer.cache(), part, kernel, projected);
      return plan.activation(name, ActivationKind.SILU, mixed);
    }

    /** Where projections to queries, keys and values are apart, so are their kernels. */
    private Weights kernel(String which, int first, int n, int width) {
      WeightLoader weights = model.weights();
      int taps = net.sizes.taps();
      return weights.has(layer.tensor("attn_" + which + ".weight"))
          ? weights.transposed(layer.tensor("ssm_conv1d_" + which + ".weight"), taps, n)
          : weights.transposed(layer.tensor("ssm_conv1d.weight"), taps, first, n, width);
    }

    private Buffer gate(Buffer x) {
      String name = layer.hook(HookSite.RECURRENT_GATE);
      int n = net.valueWidth();
      return isOld()
          ? old(name, 2 * net.keyWidth() + n, n, x)
          : model.linear(name, layer.tensor("attn_gate"), n, x);
    }

    /** Whether a file has what is projected for a key head together, as the first ones do. */
    private boolean isOld() {
      return model.weights().has(layer.tensor("ssm_in.weight"));
    }

    private Buffer old(String name, int first, int n, Buffer x) {
      int rows = 2 * (net.keyWidth() + net.valueWidth());
      return model.plan().linear(name, ofKeyHeads("ssm_in", first, n, rows, x), null, x);
    }

    /**
     * The matrix of one of two numbers of each head; some files have both of a key head together.
     */
    private Weights numbers(String which, int first, Buffer x) {
      int heads = net.sizes.heads();
      return model.weights().has(layer.tensor("ssm_ba.weight"))
          ? ofKeyHeads("ssm_ba", first, heads, 2 * heads, x)
          : model.weights().matrix(layer.tensor("ssm_" + which + ".weight"), heads, x.width());
    }

    /**
     * A part of a matrix that has all parts of a key head together.
     *
     * @param first its first row if the whole parts lay one behind the other
     * @param n its rows
     * @param rows those of all parts
     */
    private Weights ofKeyHeads(String tensor, int first, int n, int rows, Buffer x) {
      int heads = net.sizes.keyHeads();
      String name = layer.tensor(tensor + ".weight");
      return model
          .weights()
          .headRows(name, heads, first / heads, n / heads, rows / heads, x.width());
    }

    /** The vector of each head divided by its length, and by the root of a number. */
    private Buffer unit(Part part, int divisor, Buffer x) {
      // x/√(Σx² + ε) is x/√(mean(x²) + ε/d) divided by the root of d.
      var gain = new float[net.sizes.dK()];
      Arrays.fill(gain, (float) (1 / Math.sqrt((double) net.sizes.dK() * divisor)));
      String name = layer.hook(RecurrentSites.of(part));
      Weights constant = model.weights().constants(name + ".gain", gain);
      float epsilon = model.epsilon() / net.sizes.dK();
      return model.plan().headNorm(name, NormKind.RMS, net.sizes.dK(), x, epsilon, constant);
    }
  }
}
