package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.kernel.op.ExpertOp.RouteOver.CHOSEN;
import static dev.vidrio.kernel.op.ExpertOp.RouteScore.SIGMOID;
import static dev.vidrio.kernel.op.Rotation.Pairs.HALVES;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.rope;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.model.architecture.decoder.DecoderSpec;
import dev.vidrio.model.architecture.decoder.LayerRule;
import dev.vidrio.model.architecture.decoder.MixtureSpec;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.ModelDimensions;
import java.util.List;

/**
 * MiMo V2 (Xiaomi 2025): most layers have a sliding window, sinks, more key-value heads and a RoPE
 * of their own; values are narrower than keys.
 */
final class MiMo2 {
  private static final String KV_HEADS = "attention.head_count_kv";

  private MiMo2() {}

  static DecoderSpec spec() {
    return DecoderSpec.of(
            rope(HALVES)
                .in(
                    LayerRule.listed("attention.sliding_window_pattern"),
                    (model, a) ->
                        a.withRope(model.rope(HALVES).unscaledInWindows())
                            .withWindow(model.params().requiredWindow()))
                // The factor of values, applied to the output of attention, which is linear in
                // them.
                .then(
                    "unscaled",
                    model -> model.scale(Scales.scale(model.params(), "attention.value_scale"))))
        .dimensions(MiMo2::dimensions)
        .skipDraftBlocks()
        .feedForward(MixtureSpec.of(SIGMOID, CHOSEN).scaled().inLayersWithRouter());
  }

  private static ModelDimensions dimensions(Hyperparameters params, int drafts) {
    int layers = ModelDimensions.layers(params, drafts);
    int heads = ModelDimensions.heads(params);
    int dH = params.intValue("attention.key_length", 2, KvShape.HEAD_MAX);
    int dV = params.intValue("attention.value_length", 1, KvShape.HEAD_MAX, dH);
    List<KvShape.Layer> caches =
        params.perLayer(KV_HEADS, layers + drafts, 1, heads).stream()
            .limit(layers)
            .map(count -> ModelDimensions.requireDivides(params, KV_HEADS, count, heads))
            .<KvShape.Layer>map(count -> new KvShape.KeyValue(count, dH, dV))
            .toList();
    int dFfn = params.uniform(ModelDimensions.FFN_WIDTH, 1, ModelDimensions.MAX_WIDTH);
    return ModelDimensions.read(params, layers, dH, dFfn, new KvShape(caches));
  }
}
