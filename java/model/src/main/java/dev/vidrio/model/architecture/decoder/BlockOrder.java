package dev.vidrio.model.architecture.decoder;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import java.util.function.Predicate;

/** The order of a layer's norms, mixer, feed-forward block and residual additions. */
@FunctionalInterface
public interface BlockOrder {
  /** Writes one layer. */
  @FunctionalInterface
  interface Writer {
    /**
     * Writes it.
     *
     * @param residPre the residual stream before the layer
     * @return the residual stream after it
     */
    Buffer write(Layer layer, Buffer residPre, Sublayer mixer, Sublayer ffn);
  }

  /** A norm before the mixer and one before the feed-forward block (arXiv 2002.04745). */
  BlockOrder PRE_NORM = preNorm("ffn_norm");

  /** A norm before and one after each sublayer. */
  BlockOrder SANDWICH = model -> Layer::sandwich;

  /** A norm after each sublayer. */
  BlockOrder POST_NORM =
      model ->
          (layer, x, mixer, ffn) ->
              layer.sequential(
                  x, layer.ln1("post_attention_norm", mixer), layer.ln2("post_ffw_norm", ffn));

  /** Mixer and feed-forward block in parallel, after one norm. */
  BlockOrder PARALLEL = model -> Layer::parallel;

  /** Mixer and feed-forward block in parallel, each after a norm of its own. */
  BlockOrder PARALLEL_TWO_NORMS =
      model -> (layer, x, mixer, ffn) -> layer.parallel(x, layer.ln1(x), mixer, layer.ln2(x), ffn);

  /** Reads what all layers share and returns the writer of layers. */
  Writer of(Transformer model);

  /** Returns pre-norm blocks with another tensor for the second norm. */
  static BlockOrder preNorm(String ffnNorm) {
    return model -> (layer, x, mixer, ffn) -> layer.preNorm(x, mixer, ffnNorm, ffn);
  }

  /** Returns one of two orders, depending on the model. */
  static BlockOrder choose(Predicate<Transformer> condition, BlockOrder yes, BlockOrder no) {
    return model -> (condition.test(model) ? yes : no).of(model);
  }

  /** Returns this order in layers with key-value heads and another one in the others. */
  default BlockOrder orElse(Writer other) {
    return model -> {
      Writer attention = of(model);
      return (layer, x, mixer, ffn) ->
          (model.dimensions().kvShape().hasKeys(layer.index()) ? attention : other)
              .write(layer, x, mixer, ffn);
    };
  }
}
