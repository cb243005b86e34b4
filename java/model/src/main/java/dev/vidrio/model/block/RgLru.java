package dev.vidrio.model.block;

import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.SequenceOp.Part;
import dev.vidrio.kernel.weight.Weights;

/**
 * The recurrent block of Griffin (De et al. 2024, arXiv 2402.19427) around a real-gated linear
 * recurrent unit, instead of attention. Each element of a state decays on its own, at a rate times
 * a gate of the input, and receives the gated input in the proportion that keeps its variance. The
 * input passes a short convolution; the output is gated.
 *
 * @param state dimensions of what a layer keeps of a sequence
 * @param blocks number of blocks of the gates' matrices, which are block-diagonal
 */
public record RgLru(KvShape.Diagonal state, int blocks) {
  /** The rate of decay is at most this number times the softplus of a parameter. */
  public static final double MAX_RATE = 8;

  private static final String WIDTH = "ssm.inner_size";
  private static final int MAX_BLOCKS = 4096;

  /** Reads the dimensions from a model's keys, which are those of state space models. */
  public static RgLru read(Hyperparameters params) {
    int blocks = params.intValue("ssm.group_count", 1, MAX_BLOCKS);
    int width = params.intValue(WIDTH, 1, ModelDimensions.MAX_WIDTH);
    if (width % blocks != 0) {
      throw params.error(
          WIDTH,
          Integer.toString(width),
          "must be a multiple of " + params.full("ssm.group_count") + " " + blocks);
    }
    int taps = params.intValue("ssm.conv_kernel", 1, KvCache.BLOCK);
    return new RgLru(new KvShape.Diagonal(width, taps), blocks);
  }

  /** Returns the recurrence of a layer. */
  public Sublayer of(Transformer model, Layer layer) {
    return (hook, x) -> {
      PlanBuilder plan = model.plan();
      int width = state.width();
      WeightLoader weights = model.weights();
      Buffer pre = layer.linear(HookSite.RECURRENT_V_PRE, "ssm_in", width, x);
      Weights kernel = weights.transposed(layer.tensor("ssm_conv1d.weight"), state.taps(), width);
      String convolved = layer.hook("recurrent.v_conv");
      Buffer conv = plan.conv(convolved, layer.cache(), Part.VALUE, kernel, pre);
      Weights bias = weights.vector(layer.tensor("ssm_conv1d.bias"), width);
      Buffer value = plan.addBias(layer.hook("recurrent.v_biased"), bias, conv);
      Buffer beta = gate(model, layer, HookSite.RECURRENT_BETA, "input_gate", value);
      Buffer step = gate(model, layer, HookSite.RECURRENT_STEP, "recurrent_gate", value);
      Weights rates = weights.rates(weights.vector(layer.tensor("ssm_a"), width));
      Buffer decay = plan.gain(layer.hook("recurrent.decay"), rates, step);
      Buffer share =
          plan.activation(layer.hook("recurrent.share"), ActivationKind.DECAY_COMPLEMENT, decay);
      Buffer v = plan.multiply(layer.hook(HookSite.RECURRENT_V), beta, value);
      String z = layer.hook(HookSite.RECURRENT_Z);
      Buffer states = plan.diagonalRecurrence(z, layer.cache(), decay, share, v);
      Buffer gate = layer.linear(HookSite.RECURRENT_GATE, "attn_gate", width, x);
      String post = layer.hook(HookSite.RECURRENT_POST);
      Buffer gated = plan.gated(post, ActivationKind.GELU_TANH, gate, states);
      return model.linear(hook, layer.tensor("ssm_out"), x.width(), gated);
    };
  }

  /** Writes a gate with a block-diagonal matrix. */
  private Buffer gate(Transformer model, Layer layer, HookSite site, String which, Buffer x) {
    String tensor = layer.tensor("ssm_" + which);
    int n = x.width() / blocks;
    Weights matrix = model.weights().blockDiagonal(tensor + ".weight", blocks, n);
    Weights bias = model.weights().vectors(tensor + ".bias", blocks, n);
    Buffer pre = model.plan().linear(layer.hook("recurrent." + which), matrix, bias, x);
    return model.plan().activation(layer.hook(site), ActivationKind.SIGMOID, pre);
  }
}
