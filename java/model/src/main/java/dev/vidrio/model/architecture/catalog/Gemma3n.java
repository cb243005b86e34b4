package dev.vidrio.model.architecture.catalog;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.architecture.Architecture;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.block.RopeReader;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.IntPredicate;

/**
 * Gemma 3n: the keys, values and per-layer inputs of {@link Gemma4} on the active one of several
 * residual streams ({@link AltUp}). A low-rank projection runs in parallel to attention (LAuReL,
 * arXiv 2411.07501). The gates of the first feed-forward blocks pass only their largest elements
 * (Spark, arXiv 2506.06644).
 */
final class Gemma3n {
  private static final String SPARSITY = "activation_sparsity_scale";
  private static final int PERIOD = 5;

  /** Layers with keys and values of their own in files without the number. */
  private static final int OWN = 20;

  private static final float HALF_ROOT = (float) Math.sqrt(0.5);

  private final Transformer model;
  private final WeightLoader weights;
  private final PlanBuilder plan;
  private final AltUp altUp;
  private final PerLayerInputs inputs;

  private Gemma3n(Hyperparameters params, Transformer model, Buffer embedding) {
    this.model = model;
    this.weights = model.weights();
    this.plan = model.plan();
    this.altUp = new AltUp(params, model);
    int width = params.intValue("embedding_length_per_layer_input", 1, ModelDimensions.MAX_WIDTH);
    this.inputs = new PerLayerInputs(model, embedding, width);
  }

  static Architecture read(Hyperparameters params, WeightLoader weights) {
    int layers = ModelDimensions.layers(params, 0);
    int shared = params.intValue(Gemma4.SHARED_LAYERS, 0, layers - 1, Math.max(0, layers - OWN));
    int own = layers - shared;
    List<Integer> widths =
        params.perLayer(ModelDimensions.FFN_WIDTH, layers, 1, ModelDimensions.MAX_WIDTH);
    var model =
        new Transformer(params, dimensions(params, own, widths), weights, NormKind.RMS, true);
    IntPredicate slides = params.slidingLayers(PERIOD);
    RopeReader rope = model.rope(Rotation.Pairs.HALVES);
    Attention full =
        Attention.noPe(1)
            .withQueryKeyNorm(QueryKeyNorm.PER_HEAD)
            .withValueNorm()
            .withRope(rope.scaled());
    int window = params.intValue("attention.sliding_window", 1, Integer.MAX_VALUE);
    Attention sliding =
        full.withRope(rope.unscaled("rope.freq_base_swa", 10000)).withWindow(window);
    float[] sparsity = sparsity(params, layers);
    Buffer embedding = model.embed((float) Math.sqrt(model.dimensions().d()));
    var net = new Gemma3n(params, model, embedding);
    List<Buffer> streams = net.altUp.begin(embedding);
    for (Layer layer : model.layers()) {
      int l = layer.index();
      Attention a = slides.test(l) ? sliding : full;
      Sublayer attention =
          l < own ? layer.attention(a) : layer.attention(a, Gemma4.source(params, slides, own, l));
      Sublayer ffn =
          sparsity[l] == Float.NEGATIVE_INFINITY
              ? layer.gatedFfn(ActivationKind.GELU_TANH, widths.get(l))
              : net.sparseFfn(layer, widths.get(l), sparsity[l]);
      streams = net.step(layer, streams, attention, ffn);
    }
    float cap = params.cap("final_logit_softcapping", 30);
    return model.finish(net.altUp.end(streams), model.cappedUnembedding(cap));
  }

  private static ModelDimensions dimensions(Hyperparameters params, int own, List<Integer> widths) {
    int dH = ModelDimensions.headWidth(params, "attention.key_length", "attention.value_length");
    var kvShape =
        new KvShape(own, ModelDimensions.kvHeads(params, ModelDimensions.heads(params)), dH);
    return ModelDimensions.read(params, widths.size(), dH, Collections.max(widths), kvShape);
  }

  /**
   * Returns the threshold of gates per layer in standard deviations above the mean; −∞ if all pass.
   */
  private static float[] sparsity(Hyperparameters params, int layers) {
    float[] scales = params.floatsPerLayer(SPARSITY, layers);
    for (float scale : scales) {
      if (!Float.isFinite(scale) && scale != Float.NEGATIVE_INFINITY) {
        throw params.error(SPARSITY, Arrays.toString(scales), "must be finite, or -infinity");
      }
    }
    return scales;
  }

  /** Writes a layer and returns the streams after it. */
  private List<Buffer> step(Layer layer, List<Buffer> streams, Sublayer attention, Sublayer ffn) {
    List<Buffer> predictions = altUp.predict(layer, streams);
    Buffer residPre = predictions.getFirst();
    Buffer read = layer.ln1(residPre);
    Buffer laurel = laurel(layer, read);
    Buffer attentionOut =
        layer.ln1Post("post_attention_norm", attention).write(layer.hook(HookSite.ATTN_OUT), read);
    Buffer sum = plan.add(layer.hook("attn_and_resid"), residPre, attentionOut);
    Buffer unscaled = plan.add(layer.hook(HookSite.RESID_MID) + ".unscaled", sum, laurel);
    Buffer residMid = plan.scale(layer.hook(HookSite.RESID_MID), HALF_ROOT, unscaled);
    Buffer ffnOut =
        layer
            .ln2Post("post_ffw_norm", ffn)
            .write(layer.hook(HookSite.MLP_OUT), layer.ln2(residMid));
    Buffer residPost = plan.add(layer.hook(HookSite.RESID_POST), residMid, ffnOut);
    List<Buffer> corrected = altUp.correct(layer, predictions, residPost);
    return withInput(layer, corrected);
  }

  /** Writes {@code x + norm(R · L · x)}, of low rank. */
  private Buffer laurel(Layer layer, Buffer x) {
    int rank = model.rows(layer.tensor("laurel_l"));
    Buffer left = layer.linear("laurel.left", "laurel_l", rank, x);
    Buffer right = layer.linear("laurel.right", "laurel_r", x.width(), left);
    Buffer normalized =
        model.norm(layer.hook("laurel.ln"), layer.tensor("laurel_post_norm"), right);
    return plan.add(layer.hook(HookSite.LAUREL_OUT), x, normalized);
  }

  /**
   * Returns a gated block. Its gates are ReLU of the distance to a threshold in standard
   * deviations, computed on x̂ and scaled back.
   */
  private Sublayer sparseFfn(Layer layer, int n, float deviations) {
    return (hook, x) -> {
      Buffer gate = layer.linear(HookSite.PRE, "ffn_gate", n, x);
      Buffer up = layer.linear(HookSite.PRE_LINEAR, "ffn_up", n, x);
      String name = layer.hook("mlp.deviation");
      RootMeanSquare deviation = RootMeanSquare.of(plan, weights, name, NormKind.LAYER, gate);
      var least = new float[n];
      Arrays.fill(least, -deviations);
      Weights bias = weights.constants(name + ".least", least);
      Buffer above = plan.addBias(name + ".above", bias, deviation.normalized());
      Buffer passed = plan.activation(name + ".passed", ActivationKind.RELU, above);
      Buffer sparse = plan.scaleRows(layer.hook("mlp.gate"), deviation.value(), passed);
      Buffer post = plan.gated(layer.hook(HookSite.POST), ActivationKind.GELU_TANH, sparse, up);
      return model.linear(hook, layer.tensor("ffn_down"), x.width(), post);
    };
  }

  /** Adds what the layer writes of its input to all streams but the active one. */
  private List<Buffer> withInput(Layer layer, List<Buffer> streams) {
    Buffer active = streams.getFirst();
    Weights gain = weights.vector(layer.tensor("altup_correct_scale.weight"), active.width());
    Buffer out = inputs.written(layer, plan.gain(layer.hook("per_layer.in"), gain, active));
    List<Buffer> ends = new ArrayList<>(List.of(active));
    for (int i = 1; i < streams.size(); i++) {
      ends.add(plan.add(layer.hook("altup.stream." + i), streams.get(i), out));
    }
    return ends;
  }
}
