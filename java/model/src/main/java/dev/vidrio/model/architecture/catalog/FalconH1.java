package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.kernel.op.Rotation.Pairs.HALVES;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.model.architecture.decoder.AttentionSpec;
import dev.vidrio.model.architecture.decoder.BlockOrder;
import dev.vidrio.model.architecture.decoder.DecoderSpec;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Mamba2;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.block.Transformer;
import java.util.Collections;
import java.util.List;
import java.util.function.IntFunction;

/**
 * Falcon-H1 (arXiv 2507.22448): attention and {@link Mamba2} in parallel in each layer, then a
 * gated feed-forward block. The weights hold the multipliers of the original.
 */
final class FalconH1 {
  private FalconH1() {}

  static DecoderSpec spec() {
    return DecoderSpec.of(
            model -> {
              IntFunction<Attention> attention = AttentionSpec.rope(HALVES).layers(model);
              return layer ->
                  layer.cachedAt(2 * layer.index()).attention(attention.apply(layer.index()));
            })
        .dimensions(FalconH1::dimensions)
        .block(FalconH1::block);
  }

  /** Returns dimensions with a cache of keys and values of each layer, followed by its states. */
  private static ModelDimensions dimensions(Hyperparameters params, int drafts) {
    int layers = ModelDimensions.layers(params, drafts);
    int dH = ModelDimensions.headWidth(params, "attention.key_length", "attention.value_length");
    var heads =
        new KvShape.KeyValue(ModelDimensions.kvHeads(params, ModelDimensions.heads(params)), dH);
    List<KvShape.Layer> layer = List.of(heads, Mamba2.read(params).state());
    List<KvShape.Layer> caches =
        Collections.nCopies(layers, layer).stream().flatMap(List::stream).toList();
    int dFfn = params.uniform(ModelDimensions.FFN_WIDTH, 1, ModelDimensions.MAX_WIDTH);
    return ModelDimensions.read(params, layers, dH, dFfn, new KvShape(caches));
  }

  private static BlockOrder.Writer block(Transformer model) {
    PlanBuilder plan = model.plan();
    Mamba2 net =
        Mamba2.read(model.params()).normalizing(model.weights().has("blk.0.ssm_norm.weight"));
    return (layer, residPre, attention, ffn) -> {
      Buffer read = layer.ln1(layer.hook(HookSite.RESID_PRE, residPre));
      Layer states = layer.cachedAt(2 * layer.index() + 1);
      Buffer attended = attention.write(layer.hook(HookSite.ATTN_OUT), read);
      Buffer recurrent = net.of(model, states).write(layer.hook(HookSite.RECURRENT_OUT), read);
      Buffer both = plan.add(layer.hook("attn_and_recurrent_out"), attended, recurrent);
      Buffer residMid = plan.add(layer.hook(HookSite.RESID_MID), residPre, both);
      Buffer ffnOut = ffn.write(layer.hook(HookSite.MLP_OUT), layer.ln2(residMid));
      return plan.add(layer.hook(HookSite.RESID_POST), residMid, ffnOut);
    };
  }
}
