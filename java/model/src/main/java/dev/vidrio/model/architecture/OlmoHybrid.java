package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.SequenceOp.Grouping;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.GatedDeltaNet;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * OLMo Hybrid (Ai2): the blocks of {@link Olmo2} where there are key-value heads, which may not
 * turn, and pre-norm blocks with Gated DeltaNet elsewhere, whose corrections may overshoot (arXiv
 * 2411.12537).
 */
final class OlmoHybrid {
  /** That of the norm behind states, whatever the others have. */
  private static final float STATE_NORM_EPSILON = 1e-5f;

  private OlmoHybrid() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    GatedDeltaNet net =
        GatedDeltaNet.read(keys, Grouping.ADJACENT)
            .correcting(keys.floatValue("ssm.beta_scale", 1e-6f, 2, 1))
            .normalizing(STATE_NORM_EPSILON);
    Sizes sizes = Sizes.hybrid(keys, net.sizes());
    var model = new Transformer(keys, sizes, weights, NormKind.RMS, true);
    Attention attention =
        Attention.scaled(keys.attentionScale(sizes.dH())).normalized(QueryKeyNorm.ALL_HEADS);
    if (keys.has("rope.freq_base")) {
      attention = attention.rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    }
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      Sublayer ffn = layer.gatedFfn(ActivationKind.SILU);
      x =
          sizes.kvShape().hasKeys(layer.index())
              ? layer.sequential(
                  x,
                  layer.ln1("post_attention_norm", layer.attention(attention)),
                  layer.ln2("post_ffw_norm", ffn))
              : layer.preNormRecurrent(x, net.of(model, layer), "ffn_norm", ffn);
    }
    return Architecture.of(model, x, model.unembedding());
  }
}
