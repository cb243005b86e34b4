package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.kernel.op.ExpertOp.RouteOver.CHOSEN;
import static dev.vidrio.kernel.op.ExpertOp.RouteScore.SOFTMAX;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.architecture.Architecture;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.block.RopeReader;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.Collections;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Gemma 4: layers with a sliding window have another head width than those without; values are
 * normalized and may be the keys; the last layers use the keys and values of earlier ones. In some
 * models layers end with a per-layer input ({@link PerLayerInputs}) and a factor of the stream, or
 * have experts in parallel to each feed-forward block. The router of the experts has a norm of its
 * own.
 */
final class Gemma4 {
  static final String SHARED_LAYERS = "attention.shared_kv_layers";
  private static final String KEY_LENGTH_SWA = "attention.key_length_swa";

  private Gemma4() {}

  static Architecture read(Hyperparameters params, WeightLoader weights) {
    IntPredicate slides = params.slidingLayers(6);
    ModelDimensions dimensions = dimensions(params, slides);
    var model = new Transformer(params, dimensions, weights, NormKind.RMS, true);
    RopeReader rope = model.rope(Rotation.Pairs.HALVES);
    Attention full =
        Attention.noPe(1)
            .withQueryKeyNorm(QueryKeyNorm.PER_HEAD)
            .withValueNorm()
            .withRope(rope.scaled());
    int turning = RopeReader.width(params, "rope.dimension_count_swa", slidingWidth(params));
    Attention sliding =
        full.withRope(rope.unscaled(turning, "rope.freq_base_swa", 10000))
            .withWindow(window(params));
    List<Integer> widths =
        params.perLayer(
            ModelDimensions.FFN_WIDTH, dimensions.layers(), 1, ModelDimensions.MAX_WIDTH);
    Buffer x = model.embed((float) Math.sqrt(dimensions.d()));
    int width =
        params.intValue("embedding_length_per_layer_input", 0, ModelDimensions.MAX_WIDTH, 0);
    PerLayerInputs inputs = width == 0 ? null : new PerLayerInputs(model, x, width);
    if (inputs != null) {
      // A buffer of its own, so that edits of what the first layer reads leave the inputs alone.
      x = model.scale(1).write(model.layers().getFirst().hook(HookSite.RESID_PRE), x);
    }
    int own = dimensions.kvShape().layers().size();
    @Nullable Experts experts = experts(params, dimensions);
    for (Layer layer : model.layers()) {
      int l = layer.index();
      Attention a = slides.test(l) ? sliding : full;
      Sublayer attention =
          l < own ? layer.attention(a) : layer.attention(a, source(params, slides, own, l));
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
    float cap = params.cap("final_logit_softcapping", 0);
    return model.finish(x, model.cappedUnembedding(cap));
  }

  private static int window(Hyperparameters params) {
    return params.intValue("attention.sliding_window", 1, Integer.MAX_VALUE);
  }

  private static int slidingWidth(Hyperparameters params) {
    return ModelDimensions.headWidth(params, KEY_LENGTH_SWA, "attention.value_length_swa");
  }

  private static ModelDimensions dimensions(Hyperparameters params, IntPredicate slides) {
    int layers = ModelDimensions.layers(params, 0);
    int heads = ModelDimensions.heads(params);
    String kvHeadsKey = "attention.head_count_kv";
    List<Integer> kvHeads = params.perLayer(kvHeadsKey, layers, 1, heads);
    kvHeads.forEach(count -> ModelDimensions.requireDivides(params, kvHeadsKey, count, heads));
    int dH = ModelDimensions.headWidth(params, "attention.key_length", "attention.value_length");
    int slidingWidth = slidingWidth(params);
    int own = layers - params.intValue(SHARED_LAYERS, 0, layers - 1, 0);
    List<KvShape.Layer> caches =
        IntStream.range(0, own)
            .<KvShape.Layer>mapToObj(
                l -> new KvShape.KeyValue(kvHeads.get(l), slides.test(l) ? slidingWidth : dH))
            .toList();
    List<Integer> widths =
        params.perLayer(ModelDimensions.FFN_WIDTH, layers, 1, ModelDimensions.MAX_WIDTH);
    return ModelDimensions.read(params, layers, dH, Collections.max(widths), new KvShape(caches));
  }

  private static @Nullable Experts experts(Hyperparameters params, ModelDimensions dimensions) {
    return Experts.has(params)
        ? Experts.read(params, dimensions, SOFTMAX, CHOSEN).gatedBy(ActivationKind.GELU_TANH)
        : null;
  }

  private static Sublayer dense(Layer layer, int width) {
    Sublayer ffn = layer.gatedFfn(ActivationKind.GELU_TANH, width);
    return (hook, x) -> ffn.write(hook, layer.ln2(x));
  }

  /** Returns a dense block and experts in parallel, each between norms of its own. */
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

  /** Writes the input of the router. */
  private static Buffer asked(Transformer model, Layer layer, Buffer x) {
    Weights gain = model.weights().vector(layer.tensor("ffn_gate_inp.scale"), x.width());
    Buffer normalized = model.norm(layer.hook("mlp.router_ln"), gain, x);
    float factor = (float) (1 / Math.sqrt(x.width()));
    return model.scale(factor).write(layer.hook("mlp.router_in"), normalized);
  }

  /**
   * Returns the last layer of the same kind with keys and values. A layer without them uses its
   * cache.
   */
  static int source(Hyperparameters params, IntPredicate slides, int own, int layer) {
    return IntStream.iterate(own - 1, l -> l >= 0, l -> l - 1)
        .filter(l -> slides.test(l) == slides.test(layer))
        .findFirst()
        .orElseThrow(
            () ->
                params.error(
                    SHARED_LAYERS,
                    Integer.toString(params.intValue("block_count", 1, Integer.MAX_VALUE) - own),
                    "leaves no keys and values for layer " + layer));
  }

  /** Returns the sublayer after the feed-forward block, or null. */
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
