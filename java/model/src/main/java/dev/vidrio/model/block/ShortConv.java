package dev.vidrio.model.block;

import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.SequenceOp.Part;
import dev.vidrio.kernel.weight.Weights;

/**
 * The gated short convolution of LFM2 (arXiv 2511.23404), instead of attention: {@code (C ⊙ conv(B
 * ⊙ x̃)) · W_out}, where B, C and x̃ are projections of the input, in this order rows of one
 * matrix.
 */
public final class ShortConv {
  private static final String IN = "shortconv.in_proj";

  private ShortConv() {}

  /** Returns the convolution of a layer over the last {@code length} tokens. */
  public static Sublayer of(Transformer model, Layer layer, int length) {
    return (hook, x) -> {
      PlanBuilder plan = model.plan();
      int d = model.dimensions().d();
      Weights kernel = model.weights().transposed(layer.tensor("shortconv.conv.weight"), length, d);
      Buffer b = layer.fused(layer.hook(HookSite.CONV_B), IN, 0, d, 3 * d, x);
      Buffer value = layer.fused(layer.hook(HookSite.CONV_X), IN, 2 * d, d, 3 * d, x);
      Buffer pre = plan.multiply(layer.hook(HookSite.CONV_PRE), value, b);
      Buffer mid = plan.conv(layer.hook(HookSite.CONV_MID), layer.cache(), Part.VALUE, kernel, pre);
      Buffer c = layer.fused(layer.hook(HookSite.CONV_C), IN, d, d, 3 * d, x);
      Buffer post = plan.multiply(layer.hook(HookSite.CONV_POST), c, mid);
      return model.linear(hook, layer.tensor("shortconv.out_proj"), d, post);
    };
  }
}
