package dev.vidrio.lens.fact;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.partial.NormValues;
import dev.vidrio.lens.partial.RowPlan;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The end of a feed-forward block: the product {@code u = W k} of the keys with the output matrix,
 * and the operations from it to {@code hook_mlp_out}: biases, factors, and the norm that some
 * architectures have there (Gemma 2).
 *
 * @param weights W [d, d_ffn]
 * @param ops from u to the output of the block
 */
record FeedForwardPath(int layer, Weights weights, List<Op> ops, Executor executor) {
  /**
   * Returns the end of a layer's feed-forward block.
   *
   * @throws InvalidInputException if the layer has none, or one of experts or with other operations
   */
  static FeedForwardPath of(Lens lens, int layer) {
    Preconditions.requireRange("layer", layer, 0, lens.model().architecture().layers() - 1);
    HookMap hooks = HookMap.of(lens.model());
    var out = new HookPoint(HookSite.MLP_OUT, layer);
    var post = new HookPoint(HookSite.POST, layer);
    Preconditions.require(
        hooks.has(out) && hooks.has(post), "layer", layer, "has no feed-forward block");
    Weights weights = hooks.product(out).weights();
    boolean direct = hooks.product(hooks.buffer(post)).weights().equals(weights);
    Preconditions.require(direct, "layer", layer, "changes neuron activations before W_out");
    boolean whole = lens.model().gguf().findTensor(weights.name()).isPresent();
    Preconditions.require(whole, "layer", layer, weights.name() + " is not a whole tensor");
    List<Op> ops = hooks.afterProduct(out);
    for (Op op : ops) {
      boolean simple = op instanceof Op.AddBias || op instanceof Op.Scale || op instanceof Op.Norm;
      Preconditions.require(simple, "layer", layer, op + " after W_out is not supported");
    }
    return new FeedForwardPath(layer, weights, ops, lens.model().executor());
  }

  /** Returns the hook point of the block's output. */
  HookPoint output() {
    return new HookPoint(HookSite.MLP_OUT, layer);
  }

  /** Returns the hook point of the keys. */
  HookPoint keys() {
    return new HookPoint(HookSite.POST, layer);
  }

  /** Returns the products u of keys, with the kernels that serve. */
  float[][] products(float[][] keys) {
    var products = new float[keys.length][weights.n()];
    try (RowPlan plan = RowPlan.product(executor, weights, keys.length)) {
      plan.run(
          keys.length,
          (i, row) -> MemorySegment.copy(keys[i], 0, row, JAVA_FLOAT, 0, keys[i].length),
          (i, row) -> MemorySegment.copy(row, JAVA_FLOAT, 0, products[i], 0, products[i].length));
    }
    return products;
  }

  /** Returns the output of the block for a product u. */
  float[] forward(float[] u) {
    float[] x = u.clone();
    for (Op op : ops) {
      x = forward(op, x);
    }
    return x;
  }

  private static float[] forward(Op op, float[] x) {
    switch (op) {
      case Op.AddBias add -> Vectors.add(x, add.bias().data().toArray(JAVA_FLOAT));
      case Op.Scale scale -> Vectors.scale(x, scale.factor());
      case Op.Norm norm -> {
        float[] y = NormValues.normalized(norm, x);
        for (int j = 0; j < y.length; j++) {
          y[j] *= element(norm.gain(), j, 1);
          y[j] += element(norm.bias(), j, 0);
        }
        return y;
      }
      default -> throw new IllegalStateException(op.toString());
    }
    return x;
  }

  private static float element(@Nullable Weights weights, int j, float otherwise) {
    return weights == null ? otherwise : weights.data().getAtIndex(JAVA_FLOAT, j);
  }

  /** Returns the gradient with respect to u, given that with respect to the output of the block. */
  float[] backward(float[] u, float[] gradient) {
    var inputs = new float[ops.size()][];
    float[] x = u.clone();
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = x.clone();
      x = forward(ops.get(i), x);
    }
    float[] g = gradient.clone();
    for (int i = inputs.length - 1; i >= 0; i--) {
      switch (ops.get(i)) {
        case Op.Scale scale -> Vectors.scale(g, scale.factor());
        case Op.Norm norm -> g = backward(norm, inputs[i], g);
        default -> {}
      }
    }
    return g;
  }

  /** (γ ⊙ g − x̂ ⟨x̂, γ ⊙ g⟩ / d) / σ, and centered if the norm is. */
  private static float[] backward(Op.Norm norm, float[] x, float[] g) {
    float[] normalized = NormValues.normalized(norm, x);
    float scale = NormValues.scale(norm, x);
    var scaled = new float[g.length];
    for (int j = 0; j < g.length; j++) {
      scaled[j] = g[j] * element(norm.gain(), j, 1);
    }
    float along = (float) (Vectors.dot(normalized, scaled) / g.length);
    var dx = new float[g.length];
    for (int j = 0; j < g.length; j++) {
      dx[j] = (scaled[j] - normalized[j] * along) / scale;
    }
    NormValues.center(norm, dx);
    return dx;
  }

  /**
   * Returns the change of u that changes the output of the block by {@code change}. If there is a
   * norm, the output gets the direction of the wanted one, and u keeps its length, since all
   * outputs of a norm have one length before its gain.
   */
  float[] inverse(float[] u, float[] change) {
    float[] x = u.clone();
    var inputs = new float[ops.size()][];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = x.clone();
      x = forward(ops.get(i), x);
    }
    float[] du = change.clone();
    for (int i = inputs.length - 1; i >= 0; i--) {
      switch (ops.get(i)) {
        case Op.Scale scale -> Vectors.scale(du, 1 / scale.factor());
        case Op.Norm norm -> {
          float[] y = NormValues.normalized(norm, inputs[i]);
          float[] wanted = y.clone();
          for (int j = 0; j < du.length; j++) {
            float gain = element(norm.gain(), j, 1);
            wanted[j] += gain == 0 ? 0 : du[j] / gain;
          }
          NormValues.center(norm, wanted);
          Vectors.scale(wanted, (float) (Vectors.norm(y) / Vectors.norm(wanted)));
          du = Vectors.minus(wanted, y);
          Vectors.scale(du, NormValues.scale(norm, inputs[i]));
        }
        default -> {}
      }
    }
    return du;
  }
}
