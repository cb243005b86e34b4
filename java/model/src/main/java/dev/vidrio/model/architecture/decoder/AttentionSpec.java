package dev.vidrio.model.architecture.decoder;

import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.OutputTransform;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import java.util.HashMap;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;

/** Softmax attention: one kind for all layers, changed in some of them. */
public final class AttentionSpec implements MixerSpec {
  private final Function<Transformer, IntFunction<Attention>> layers;

  private AttentionSpec(Function<Transformer, IntFunction<Attention>> layers) {
    this.layers = layers;
  }

  /** Returns attention that a function reads for each layer. */
  public static AttentionSpec perLayer(Function<Transformer, IntFunction<Attention>> layers) {
    return new AttentionSpec(layers);
  }

  /** Reads the attention of a model and returns that of each layer. */
  public IntFunction<Attention> layers(Transformer model) {
    return layers.apply(model);
  }

  @Override
  public Function<Layer, Sublayer> of(Transformer model) {
    IntFunction<Attention> read = layers(model);
    return layer -> layer.attention(read.apply(layer.index()));
  }

  /** Returns attention that is equal in all layers. */
  public static AttentionSpec uniform(Function<Transformer, Attention> attention) {
    return perLayer(
        model -> {
          Attention read = attention.apply(model);
          return layer -> read;
        });
  }

  /** Returns full causal attention without positional encoding, scaled by 1/√d_h or by the file. */
  public static AttentionSpec noPe() {
    return uniform(model -> Attention.noPe(model.params().attentionScale(model.dimensions().dH())));
  }

  /** Returns full causal attention with RoPE and the file's scaling of it. */
  public static AttentionSpec rope(Rotation.Pairs pairs) {
    return noPe().change((model, a) -> a.withRope(model.rope(pairs).scaled()));
  }

  /**
   * Returns full causal attention with ALiBi.
   *
   * @param maxBias reads the exponent of the smallest slope
   */
  public static AttentionSpec alibi(Function<Transformer, Float> maxBias) {
    return noPe().change((model, a) -> a.withBias(model.alibi(maxBias.apply(model))));
  }

  /** Returns attention with the biases of distances that the file has for all layers. */
  public static AttentionSpec distanceBiases() {
    return uniform(
        model ->
            Attention.noPe(model.params().attentionScale(model.dimensions().dH()))
                .withBias(model.distanceBiases()));
  }

  /** Returns attention changed in all layers. */
  public AttentionSpec change(BiFunction<Transformer, Attention, Attention> change) {
    return in(params -> layer -> true, change);
  }

  /** Returns attention with normalized queries and keys. */
  public AttentionSpec queryKeyNorm(QueryKeyNorm norm) {
    return change((model, a) -> a.withQueryKeyNorm(norm));
  }

  /** Returns attention with a transformation before the output projection. */
  public AttentionSpec output(OutputTransform transform) {
    return change((model, a) -> a.withOutput(transform));
  }

  /** Returns attention with queries, keys and values clamped as the file says. */
  public AttentionSpec clamped() {
    return change((model, a) -> a.withClamp(model.params().clamp()));
  }

  /** Returns attention over the file's sliding window, if it has one. */
  public AttentionSpec optionalWindow() {
    return change((model, a) -> a.withWindow(model.params().window(0)));
  }

  /** Returns attention over the file's sliding window in some layers. */
  public AttentionSpec window(LayerRule rule) {
    return in(rule, (model, a) -> a.withWindow(model.params().requiredWindow()));
  }

  /** Returns attention over the file's sliding window, with unscaled RoPE, in some layers. */
  public AttentionSpec windowWithRope(LayerRule rule, Rotation.Pairs pairs) {
    return in(
        rule,
        (model, a) ->
            a.withRope(model.rope(pairs).unscaled("rope.freq_base_swa", 10000f))
                .withWindow(model.params().requiredWindow()));
  }

  /** Returns attention without positional encoding in some layers. */
  public AttentionSpec noPe(LayerRule rule) {
    return in(rule, (model, a) -> a.withoutRope());
  }

  /** Returns attention changed in some layers. */
  public AttentionSpec in(LayerRule rule, BiFunction<Transformer, Attention, Attention> change) {
    return perLayer(
        model -> {
          IntFunction<Attention> base = layers(model);
          IntPredicate selected = rule.of(model.params());
          if (selected instanceof LayerRule.NoLayers) {
            return base;
          }
          // A change reads the file once, not once per layer.
          Map<Attention, Attention> changed = new HashMap<>();
          changed.put(base.apply(0), change.apply(model, base.apply(0)));
          return layer -> {
            Attention a = base.apply(layer);
            return selected.test(layer)
                ? changed.computeIfAbsent(a, unchanged -> change.apply(model, unchanged))
                : a;
          };
        });
  }
}
