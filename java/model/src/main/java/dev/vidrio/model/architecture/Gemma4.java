package dev.vidrio.model.architecture;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.RopeReader;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.Collections;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Gemma 4: {@link Gemma3} whose layers with a sliding window have heads of another width than those
 * without, whose values are normalized (and may be the keys), and whose last layers read the keys
 * and values of earlier ones. Each layer ends with what it reads of the token itself ({@link
 * PerLayerInputs}), in models that have it, and with a factor on the stream. In some models each
 * feed-forward block has a mixture of experts beside it, whose router reads the stream through a
 * norm of its own.
 */
final class Gemma4 {
  static final String SHARED_LAYERS = "attention.shared_kv_layers";
  private static final String KEY_LENGTH_SWA = "attention.key_length_swa";

  private Gemma4() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    IntPredicate slides = keys.slidingLayers(6);
    Sizes sizes = sizes(keys, slides);
    var model = new Transformer(keys, sizes, weights, NormKind.RMS, true);
    RopeReader rope = model.rope(Rotation.Pairs.HALVES);
    Attention full =
        Attention.scaled(1).normalized(QueryKeyNorm.HEAD).withValueNorm().rotated(rope.scaled());
    int turning = RopeReader.width(keys, "rope.dimension_count_swa", slidingWidth(keys));
    Attention sliding =
        full.rotated(rope.plain(turning, "rope.freq_base_swa", 10000)).windowed(window(keys));
    List<Integer> widths = keys.inEachLayer(Sizes.FFN_WIDTH, sizes.layers(), 1, Sizes.MAX_WIDTH);
    Buffer x = model.embed((float) Math.sqrt(sizes.d()));
    int width = keys.intValue("embedding_length_per_layer_input", 0, Sizes.MAX_WIDTH, 0);
    PerLayerInputs inputs = width == 0 ? null : new PerLayerInputs(model, x, width);
    if (inputs != null) {
      // A buffer of its own, so that edits of what the first layer reads leave the inputs alone.
      x = model.scale(1).write(model.layers().getFirst().hook(HookSite.RESID_PRE), x);
    }
    int own = sizes.kvShape().layers().size();
    @Nullable Experts experts = experts(keys, sizes);
    for (Layer layer : model.layers()) {
      int l = layer.index();
      Attention a = slides.test(l) ? sliding : full;
      Sublayer attention =
          l < own ? layer.attention(a) : layer.attention(a, source(keys, slides, own, l));
      Sublayer ffn =
          experts == null
              ? dense(layer, widths.get(l))
              : mixed(model, layer, experts, widths.get(l));
      x =
          layer.sequential(
              x,
              layer.ln1Post(
                  "post_attention_norm",
                  (hook, stream) -> attention.write(hook, layer.ln1(stream))),
              layer.ln2Post("post_ffw_norm", ffn),
              end(layer, model, inputs));
    }
    float cap = keys.cap("final_logit_softcapping", 0);
    return Architecture.of(model, x, model.cappedUnembedding(cap));
  }

  private static int window(Keys keys) {
    return keys.intValue("attention.sliding_window", 1, Integer.MAX_VALUE);
  }

  private static int slidingWidth(Keys keys) {
    return Sizes.headWidth(keys, KEY_LENGTH_SWA, "attention.value_length_swa");
  }

  private static Sizes sizes(Keys keys, IntPredicate slides) {
    int layers = Sizes.layers(keys, 0);
    int heads = Sizes.heads(keys);
    String kvHeadsKey = "attention.head_count_kv";
    List<Integer> kvHeads = keys.inEachLayer(kvHeadsKey, layers, 1, heads);
    kvHeads.forEach(count -> Sizes.requireDivides(keys, kvHeadsKey, count, heads));
    int dH = Sizes.headWidth(keys, "attention.key_length", "attention.value_length");
    int slidingWidth = slidingWidth(keys);
    int own = layers - keys.intValue(SHARED_LAYERS, 0, layers - 1, 0);
    List<KvShape.Layer> caches =
        IntStream.range(0, own)
            .<KvShape.Layer>mapToObj(
                l -> new KvShape.KeyValue(kvHeads.get(l), slides.test(l) ? slidingWidth : dH))
            .toList();
    List<Integer> widths = keys.inEachLayer(Sizes.FFN_WIDTH, layers, 1, Sizes.MAX_WIDTH);
    return Sizes.read(keys, layers, dH, Collections.max(widths), new KvShape(caches));
  }

  private static @Nullable Experts experts(Keys keys, Sizes sizes) {
    return Experts.has(keys)
        ? Experts.read(keys, sizes, RouteScore.SOFTMAX, RouteOver.CHOSEN)
            .gatedBy(ActivationKind.GELU_TANH)
        : null;
  }

  private static Sublayer dense(Layer layer, int width) {
    Sublayer ffn = layer.gatedFfn(ActivationKind.GELU_TANH, width);
    return (hook, x) -> ffn.write(hook, layer.ln2(x));
  }

  /** A dense block and a mixture of experts side by side, each between norms of its own. */
  private static Sublayer mixed(Transformer model, Layer layer, Experts experts, int width) {
    Sublayer dense =
        layer.normalized("post_ffw_norm_1", layer.sharedFfn(ActivationKind.GELU_TANH, width));
    return (hook, x) -> {
      Buffer shared = dense.write(hook + ".shared", layer.ln2(x));
      Sublayer routed =
          layer.normalized("post_ffw_norm_2", layer.mixture(experts, asked(model, layer, x)));
      Buffer read = model.norm(layer.hook("mlp.experts_ln"), layer.tensor("pre_ffw_norm_2"), x);
      return model.plan().add(hook, shared, routed.write(hook + ".routed", read));
    };
  }

  /** What the router reads. */
  private static Buffer asked(Transformer model, Layer layer, Buffer x) {
    Weights gain = model.weights().vector(layer.tensor("ffn_gate_inp.scale"), x.width());
    Buffer normalized = model.norm(layer.hook("mlp.router_ln"), gain, x);
    float factor = (float) (1 / Math.sqrt(x.width()));
    return model.scale(factor).write(layer.hook("mlp.router_in"), normalized);
  }

  /** The layer whose keys and values one reads that has none: the last of its kind. */
  static int source(Keys keys, IntPredicate slides, int own, int layer) {
    return IntStream.iterate(own - 1, l -> l >= 0, l -> l - 1)
        .filter(l -> slides.test(l) == slides.test(layer))
        .findFirst()
        .orElseThrow(
            () ->
                keys.error(
                    SHARED_LAYERS,
                    Integer.toString(keys.intValue("block_count", 1, Integer.MAX_VALUE) - own),
                    "leaves no keys and values for layer " + layer));
  }

  /** What a layer has behind its feed-forward block. */
  private static @Nullable Sublayer end(
      Layer layer, Transformer model, @Nullable PerLayerInputs inputs) {
    Sublayer step = inputs == null ? null : inputs.step(layer);
    String tensor = layer.tensor("layer_output_scale.weight");
    if (!model.weights().has(tensor)) {
      return step;
    }
    Sublayer scale = model.scale(model.weights().scalar(tensor));
    return step == null ? scale : step.then("unscaled", scale);
  }
}
