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
 * Mamba 2 (Dao and Gu 2024, arXiv 2405.21060), a recurrence that replaces attention. Each head has
 * a state that decays from token to token and adds each token. By duality with attention, x are the
 * values, and B and C, shared by the heads of a group, keys and queries; all three pass a short
 * convolution. The step determines both the decay and the weight of a token. The output is gated,
 * then normalized per group.
 *
 * @param state dimensions of what a layer keeps of a sequence; key heads are groups
 * @param normalizes true if the output is normalized per group
 */
public record Mamba2(KvShape.Recurrent state, boolean normalizes) {
  private static final String IN = "ssm_in.weight";

  /** Reads the dimensions from a model's keys. */
  public static Mamba2 read(Hyperparameters params) {
    return new Mamba2(StateDimensions.read(params), true);
  }

  /** Returns a net with or without the norm of the output. */
  public Mamba2 normalizing(boolean newNormalizes) {
    return new Mamba2(state, newNormalizes);
  }

  /** Returns the recurrence of a layer. */
  public Sublayer of(Transformer model, Layer layer) {
    var block = new Block(this, model, layer);
    return block::write;
  }

  /** Returns the number of rows of x, B and C. */
  private int convWidth() {
    return state.width(Part.VALUE) + 2 * state.width(Part.KEY);
  }

  /** The operations of a layer. */
  private record Block(Mamba2 net, Transformer model, Layer layer) {
    Buffer write(String hook, Buffer x) {
      PlanBuilder plan = model.plan();
      int heads = net.state.heads();
      int keys = net.state.width(Part.VALUE);
      Buffer v = convolved("v", Part.VALUE, 0, x);
      Buffer k = convolved("k", Part.KEY, keys, x);
      Buffer q = convolved("q", Part.QUERY, keys + net.state.width(Part.KEY), x);
      Weights bias = model.weights().vector(layer.tensor("ssm_dt.bias"), heads);
      int steps = net.state.width(Part.VALUE) + net.convWidth();
      Buffer pre = projected(hook("step_pre"), steps, heads, bias, x);
      Buffer step =
          plan.activation(layer.hook(HookSite.RECURRENT_STEP), ActivationKind.SOFTPLUS, pre);
      WeightLoader weights = model.weights();
      Weights a = weights.rates(weights.vectors(layer.tensor("ssm_a"), heads, 1));
      Weights skip = model.weights().vectors(layer.tensor("ssm_d"), heads, 1);
      Buffer z =
          plan.recurrence(
              layer.hook(HookSite.RECURRENT_Z),
              layer.cache(),
              Update.SUM,
              Grouping.ADJACENT,
              a,
              skip,
              new Inputs<>(q, k, v, step, step));
      Buffer gate =
          projected(layer.hook(HookSite.RECURRENT_GATE), 0, net.state.width(Part.VALUE), null, x);
      return model.linear(hook, layer.tensor("ssm_out"), x.width(), gated(gate, z));
    }

    private Buffer gated(Buffer gate, Buffer z) {
      String name = net.normalizes ? hook("z_gated") : layer.hook(HookSite.RECURRENT_POST);
      Buffer gated = model.plan().gated(name, ActivationKind.SILU, gate, z);
      if (!net.normalizes) {
        return gated;
      }
      int group = net.state.width(Part.VALUE) / net.state.keyHeads();
      return model.headNorm(
          layer.hook(HookSite.RECURRENT_POST),
          layer.tensor("ssm_norm"),
          group,
          net.state.width(Part.VALUE),
          gated);
    }

    private String hook(String name) {
      return layer.hook("recurrent." + name);
    }

    /**
     * Writes a projection by some rows of the matrix of gates, x, B, C and steps, in this order.
     */
    private Buffer projected(String name, int first, int n, @Nullable Weights bias, Buffer x) {
      int rows = net.state.width(Part.VALUE) + net.convWidth() + net.state.heads();
      Weights matrix = model.weights().matrixPart(layer.tensor(IN), first, n, rows, x.width());
      return model.plan().linear(name, matrix, bias, x);
    }

    /**
     * Writes queries, keys or values: a projection, a convolution, SiLU.
     *
     * @param first first row among those that are convolved
     */
    private Buffer convolved(String which, Part part, int first, Buffer x) {
      PlanBuilder plan = model.plan();
      WeightLoader weights = model.weights();
      int n = net.state.width(part);
      int width = net.convWidth();
      Buffer pre =
          projected(
              layer.hook(RecurrentSites.pre(part)),
              net.state.width(Part.VALUE) + first,
              n,
              null,
              x);
      String tensor = layer.tensor("ssm_conv1d");
      Weights kernel = weights.transposed(tensor + ".weight", net.state.taps(), first, n, width);
      Buffer mixed = plan.conv(hook(which + "_conv"), layer.cache(), part, kernel, pre);
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
