package dev.vidrio.model.architecture.decoder;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Window;
import dev.vidrio.model.architecture.Architecture;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * An encoder with bidirectional attention as an immutable description, composed of the strategies
 * of a {@link DecoderSpec}. Its output are the last hidden states of tokens; heads that pool or
 * classify them are not part of the plan. All layers share the keys and values of one layer of the
 * cache, since none is read after its step.
 *
 * @param embedding the residual stream before the first layer
 * @param attention attention of the layers; its windows become centered
 * @param norm kind of all norms
 * @param block order of a layer's norms, sublayers and residual additions
 * @param feedForward the feed-forward blocks
 * @param finalNorm tensor of the norm after the last layer, or null for none
 */
public record EncoderSpec(
    Embedding embedding,
    AttentionSpec attention,
    NormKind norm,
    BlockOrder block,
    FeedForwardSpec feedForward,
    @Nullable String finalNorm)
    implements DecoderReader {

  /** The block order of BERT: a norm after each residual addition. */
  public static final BlockOrder NORMALIZED_SUMS =
      model ->
          (layer, x, mixer, ffn) ->
              layer.normalizedSums(x, mixer, "attn_output_norm", ffn, "layer_output_norm");

  /** Returns an encoder of BERT's shape: LayerNorm after each residual addition. */
  public static EncoderSpec postNorm(AttentionSpec attention, FeedForwardSpec feedForward) {
    return new EncoderSpec(
        Embedding.NORMALIZED_SUM, attention, NormKind.LAYER, NORMALIZED_SUMS, feedForward, null);
  }

  @Override
  public Architecture read(Hyperparameters params, WeightLoader weights) {
    if (params.flag("attention.causal", false)) {
      throw params.unsupported(params.full("attention.causal") + " true");
    }
    ModelDimensions read = ModelDimensions.read(params, 0);
    KvShape.KeyValue heads = read.kvShape().keyValue(0);
    var model =
        new Transformer(
            params,
            read.withKvShape(new KvShape(1, heads.heads(), heads.dH())),
            weights,
            norm,
            true);
    Function<Layer, Sublayer> mixers = bidirectional(attention).of(model);
    FeedForwardSpec.OfLayer feedForwards = feedForward.of(model);
    BlockOrder.Writer order = block.of(model);
    Buffer x = embedding.write(model);
    for (Layer layer : model.layers()) {
      Layer cached = layer.cachedAt(0);
      x = order.write(cached, x, mixers.apply(cached), feedForwards.of(cached, x));
    }
    weights.ignore("cls.");
    weights.ignore("dense_");
    return model.finishEncoder(finalNorm, x);
  }

  private static AttentionSpec bidirectional(AttentionSpec spec) {
    return spec.change((model, a) -> a.withWindow(Window.centered(a.scores().window().length())));
  }
}
