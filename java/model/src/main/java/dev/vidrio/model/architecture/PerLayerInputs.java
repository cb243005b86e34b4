package dev.vidrio.model.architecture;

import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.ArrayList;
import java.util.List;

/**
 * What each layer reads of a token besides the residual stream: its row of a table of the layer's
 * own, and a projection of its embedding. The sum gates what the layer adds last. All are there
 * before the first layer, as activations {@code per_layer_inputs.l}.
 */
final class PerLayerInputs {
  private final Transformer model;
  private final PlanBuilder plan;
  private final Buffer embedding;
  private final int width;
  private final List<Buffer> inputs = new ArrayList<>();

  /**
   * @param embedding of the tokens, as the first layer reads it
   * @param width elements of a layer's input
   */
  PerLayerInputs(Transformer model, Buffer embedding, int width) {
    this.model = model;
    this.plan = model.plan();
    this.embedding = embedding;
    this.width = width;
    Sizes sizes = model.sizes();
    WeightLoader weights = model.weights();
    Weights table =
        weights.table("per_layer_token_embd.weight", sizes.vocabulary(), sizes.layers(), width);
    Weights gain = weights.vector("per_layer_proj_norm.weight", width);
    for (int l = 0; l < sizes.layers(); l++) {
      inputs.add(input(l, table, gain));
    }
  }

  private Buffer input(int layer, Weights table, Weights gain) {
    String name = "per_layer_inputs." + layer;
    int layers = model.sizes().layers();
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

  /** The sum of x and what a layer writes of its input. */
  Sublayer step(Layer layer) {
    return (hook, x) -> plan.add(hook, x, written(layer, x));
  }

  /** What a layer writes of its input: {@code norm(W · (gelu(gate · x) · input))}. */
  Buffer written(Layer layer, Buffer x) {
    Buffer gate = layer.linear("per_layer.gate", "inp_gate", width, x);
    Buffer input = inputs.get(layer.index());
    Buffer gated = plan.gated(layer.hook("per_layer.post"), ActivationKind.GELU_TANH, gate, input);
    Buffer projected = layer.linear("per_layer.projected", "proj", x.width(), gated);
    return model.norm(layer.hook(HookSite.PER_LAYER_OUT), layer.tensor("post_norm"), projected);
  }
}
