package dev.vidrio.model.block;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.SequenceOp.Grouping;
import dev.vidrio.kernel.op.SequenceOp.Part;
import dev.vidrio.kernel.op.SequenceOp.Recurrence.Inputs;
import dev.vidrio.kernel.op.SequenceOp.Update;
import dev.vidrio.kernel.weight.Weights;
import org.jspecify.annotations.Nullable;

/**
 * Mamba 2 (Dao and Gu 2024, arXiv 2405.21060), which stands in the place of attention: each head
 * has a state, which fades from token to token and takes each token up. By its duality with
 * attention x are the values, and B and C, which the heads of a group share, keys and queries; all
 * three stand behind a short convolution. The step, by which the state fades, is also how strongly
 * a token changes it. What the states answer is gated, then normalized group by group.
 *
 * @param sizes what a layer keeps of a sequence; its key heads are the groups
 * @param normalizes whether what states answer is normalized by groups
 */
public record Mamba2(KvShape.Recurrent sizes, boolean normalizes) {
  private static final String IN = "ssm_in.weight";

  /** Reads its sizes from a model's keys. */
  public static Mamba2 read(Keys keys) {
    return new Mamba2(StateSizes.read(keys), true);
  }

  /** The same with a norm of what states answer or without. */
  public Mamba2 normalizing(boolean newNormalizes) {
    return new Mamba2(sizes, newNormalizes);
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

  /** Rows of x, B and C, one behind the other. */
  private int convWidth() {
    return valueWidth() + 2 * keyWidth();
  }

  /** Its operations in a layer. */
  private record Block(Mamba2 net, Transformer model, Layer layer) {
    Buffer write(String hook, Buffer x) {
      PlanBuilder plan = model.plan();
      int heads = net.sizes.heads();
      int keys = net.valueWidth();
      Buffer v = convolved("v", Part.VALUE, 0, x);
      Buffer k = convolved("k", Part.KEY, keys, x);
      Buffer q = convolved("q", Part.QUERY, keys + net.keyWidth(), x);
      Weights bias = model.weights().vector(layer.tensor("ssm_dt.bias"), heads);
      int steps = net.valueWidth() + net.convWidth();
      Buffer pre = projected(hook("step_pre"), steps, heads, bias, x);
      Buffer step =
          plan.activation(layer.hook(HookSite.RECURRENT_STEP), ActivationKind.SOFTPLUS, pre);
      Weights a = model.weights().foldedRates(layer.tensor("ssm_a"), heads);
      Weights skip = model.weights().vectors(layer.tensor("ssm_d"), heads, 1);
      Buffer z =
          plan.recurrence(
              layer.hook(HookSite.RECURRENT_Z),
              layer.cache(),
              Update.SUM,
              Grouping.ADJACENT,
              a,
              skip,
              new Inputs(q, k, v, step, step));
      Buffer gate = projected(layer.hook(HookSite.RECURRENT_GATE), 0, net.valueWidth(), null, x);
      return model.linear(hook, layer.tensor("ssm_out"), x.width(), gated(gate, z));
    }

    private Buffer gated(Buffer gate, Buffer z) {
      String name = net.normalizes ? hook("z_gated") : layer.hook(HookSite.RECURRENT_POST);
      Buffer gated = model.plan().gated(name, ActivationKind.SILU, gate, z);
      if (!net.normalizes) {
        return gated;
      }
      int group = net.valueWidth() / net.sizes.keyHeads();
      return model.headNorm(
          layer.hook(HookSite.RECURRENT_POST),
          layer.tensor("ssm_norm"),
          group,
          net.valueWidth(),
          gated);
    }

    private String hook(String name) {
      return layer.hook("recurrent." + name);
    }

    /** Rows of the matrix that has, one behind the other, gates, x, B, C and steps. */
    private Buffer projected(String name, int first, int n, @Nullable Weights bias, Buffer x) {
      int rows = net.valueWidth() + net.convWidth() + net.sizes.heads();
      Weights matrix = model.weights().matrixPart(layer.tensor(IN), first, n, rows, x.width());
      return model.plan().linear(name, matrix, bias, x);
    }

    /**
     * Queries, keys or values: a projection, a convolution, SiLU.
     *
     * @param first the first of their rows among those that are convolved
     */
    private Buffer convolved(String which, Part part, int first, Buffer x) {
      PlanBuilder plan = model.plan();
      WeightLoader weights = model.weights();
      int n = net.sizes.width(part);
      int width = net.convWidth();
      Buffer pre =
          projected(layer.hook(RecurrentSites.pre(part)), net.valueWidth() + first, n, null, x);
      String tensor = layer.tensor("ssm_conv1d");
      Weights kernel = weights.transposed(tensor + ".weight", net.sizes.taps(), first, n, width);
      Buffer mixed = plan.recurrentConv(hook(which + "_conv"), layer.cache(), part, kernel, pre);
      String bias = tensor + ".bias";
      Buffer biased =
          weights.has(bias)
              ? plan.addBias(
                  hook(which + "_biased"), weights.vectorPart(bias, first, n, width), mixed)
              : mixed;
      return plan.activation(layer.hook(RecurrentSites.of(part)), ActivationKind.SILU, biased);
    }
  }
}
