package dev.vidrio.model.architecture.catalog;

import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.ArrayList;
import java.util.List;

/**
 * Per-layer inputs: the sum of a row of a table per layer and a projection of the embedding, which
 * gates the last addition of a layer. All are computed before the first layer, as activations
 * {@code per_layer_inputs.l}.
 */
final class PerLayerInputs {
  private final Transformer model;
  private final PlanBuilder plan;
  private final Buffer embedding;
  private final int width;
  private final List<Buffer> inputs = new ArrayList<>();

  /**
   * Writes the inputs of all layers.
   *
   * @param embedding embeddings of the tokens, as the first layer reads them
   * @param width width of the input of a layer
   */
  PerLayerInputs(Transformer model, Buffer embedding, int width) {
    this.model = model;
    this.plan = model.plan();
    this.embedding = embedding;
    this.width = width;
    ModelDimensions dimensions = model.dimensions();
    WeightLoader weights = model.weights();
    Weights table =
        weights.table(
            "per_layer_token_embd.weight", dimensions.vocabulary(), dimensions.layers(), width);
    Weights gain = weights.vector("per_layer_proj_norm.weight", width);
    for (int l = 0; l < dimensions.layers(); l++) {
      inputs.add(input(l, table, gain));
    }
  }

  private Buffer input(int layer, Weights table, Weights gain) {
    String name = "per_layer_inputs." + layer;
    int layers = model.dimensions().layers();
    int d = embedding.width();
    Weights part =
        model
            .weights()
            .matrixPart("per_layer_model_proj.weight", layer * width, width, layers * width, d);
    Buffer product = plan.matMul(name + ".product", part, embedding);
    Buffer scaled = plan.scale(name + ".scaled", (float) (1 / Math.sqrt(d)), product);
    Buffer context = model.norm(name + ".context", gain, scaled);
    Buffer row = plan.embed(name + ".row", table, layer, layers);
    Buffer token = plan.scale(name + ".token", (float) Math.sqrt(width), row);
    Buffer sum = plan.add(name + ".sum", context, token);
    return plan.scale(name, (float) Math.sqrt(0.5), sum);
  }

  /** Returns the residual addition of the per-layer input. */
  Sublayer step(Layer layer) {
    return (hook, x) -> plan.add(hook, x, written(layer, x));
  }

  /** Writes {@code norm(W · (gelu(gate · x) · input))}. */
  Buffer written(Layer layer, Buffer x) {
    Buffer gate = layer.linear("per_layer.gate", "inp_gate", width, x);
    Buffer input = inputs.get(layer.index());
    Buffer gated = plan.gated(layer.hook("per_layer.post"), ActivationKind.GELU_TANH, gate, input);
    Buffer projected = layer.linear("per_layer.projected", "proj", x.width(), gated);
    return model.norm(layer.hook(HookSite.PER_LAYER_OUT), layer.tensor("post_norm"), projected);
  }
}
