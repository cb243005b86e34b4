package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.kernel.op.ExpertOp.RouteOver.CHOSEN;
import static dev.vidrio.kernel.op.ExpertOp.RouteScore.SOFTMAX;
import static dev.vidrio.kernel.op.Rotation.Pairs.HALVES;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.rope;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.op.SequenceOp.Grouping;
import dev.vidrio.model.architecture.decoder.BlockOrder;
import dev.vidrio.model.architecture.decoder.DecoderSpec;
import dev.vidrio.model.architecture.decoder.MixtureSpec;
import dev.vidrio.model.block.Attention.OutputTransform;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.GatedDeltaNet;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.ModelDimensions;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** Qwen3-Next and Qwen3.5: gated attention in some layers, Gated DeltaNet in the others. */
final class QwenNext {
  private static final int LAYERS_PER_FULL = 4;

  private QwenNext() {}

  static DecoderSpec dense() {
    return spec(Grouping.TILED, ModelDimensions.FFN_WIDTH);
  }

  static DecoderSpec mixture(Grouping grouping) {
    return spec(grouping, "expert_feed_forward_length")
        .feedForward(MixtureSpec.of(SOFTMAX, CHOSEN).scaled().shared());
  }

  /**
   * Returns the decoder without experts.
   *
   * @param grouping of value heads that share a key head
   * @param otherWidth key of the feed-forward width in files without {@code feed_forward_length}
   */
  private static DecoderSpec spec(Grouping grouping, String otherWidth) {
    return DecoderSpec.of(
            rope(HALVES)
                .queryKeyNorm(QueryKeyNorm.PER_HEAD)
                .output(OutputTransform.SIGMOID_GATE_IN_QUERIES)
                .orElse(
                    model -> {
                      GatedDeltaNet net = GatedDeltaNet.read(model.params(), grouping);
                      return layer -> net.of(model, layer);
                    }))
        .dimensions(
            (params, drafts) ->
                dimensions(
                    params,
                    drafts,
                    GatedDeltaNet.read(params, grouping).state(),
                    params.has(ModelDimensions.FFN_WIDTH) ? ModelDimensions.FFN_WIDTH : otherWidth))
        .draftBlock()
        .block(BlockOrder.preNorm("post_attention_norm"));
  }

  private static ModelDimensions dimensions(
      Hyperparameters params, int drafts, KvShape.Layer recurrent, String width) {
    int layers = ModelDimensions.layers(params, drafts);
    int dH = ModelDimensions.headWidth(params, "attention.key_length", "attention.value_length");
    int kvHeads = ModelDimensions.kvHeads(params, ModelDimensions.heads(params));
    var heads = new KvShape.KeyValue(kvHeads, dH);
    IntPredicate recurs = recurrentLayers(params);
    List<KvShape.Layer> caches =
        IntStream.range(0, layers).mapToObj(l -> recurs.test(l) ? recurrent : heads).toList();
    int dFfn = params.uniform(width, 1, ModelDimensions.MAX_WIDTH);
    return ModelDimensions.read(params, layers, dH, dFfn, new KvShape(caches));
  }

  private static IntPredicate recurrentLayers(Hyperparameters params) {
    String key = "attention.recurrent_layers";
    if (params.has(key)) {
      return params.layers(key);
    }
    int interval =
        params.intValue("full_attention_interval", 1, Integer.MAX_VALUE, LAYERS_PER_FULL);
    return l -> (l + 1) % interval != 0;
  }
}
