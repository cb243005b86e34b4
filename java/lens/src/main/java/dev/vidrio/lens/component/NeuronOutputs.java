package dev.vidrio.lens.component;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.ModelMatrices;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.List;

/**
 * The contributions of neurons of a feed-forward block to the residual stream: the rows of W_out.
 */
public final class NeuronOutputs {
  private NeuronOutputs() {}

  /**
   * Returns the output of each neuron of a layer at an activation of 1, [d_ffn][d]: the rows
   * w_out,u, with the gains and factors between the product and the residual stream.
   *
   * @throws InvalidInputException if the layer has experts
   */
  public static float[][] directions(Lens lens, int layer) {
    return undivided(lens, layer, rows(lens, layer));
  }

  /**
   * Returns the output of one neuron, [d].
   *
   * @throws InvalidInputException if the layer does not have the neuron, or has experts
   */
  public static float[] direction(Lens lens, int layer, int neuron) {
    ModelMatrices matrices = ModelMatrices.of(lens);
    int neurons = matrices.height(out(layer));
    Preconditions.requireRange("neuron", neuron, 0, neurons - 1);
    return undivided(lens, layer, matrices.rows(out(layer), neuron, 1))[0];
  }

  private static float[][] undivided(Lens lens, int layer, float[][] rows) {
    List<Op> path = HookMap.of(lens.model()).afterProduct(out(layer));
    Arrays.stream(rows).forEach(row -> HeadOutputs.undivided(path, row));
    return rows;
  }

  /** Returns the contribution of each neuron at a token, {@code n_u w_out,u}, [d_ffn][d]. */
  public static float[][] written(Lens lens, HookMap hooks, int layer, float[] activations) {
    float[][] parts = rows(lens, layer);
    for (int u = 0; u < parts.length; u++) {
      Vectors.scale(parts[u], activations[u]);
    }
    return HeadOutputs.written(hooks.afterProduct(out(layer)), parts);
  }

  private static float[][] rows(Lens lens, int layer) {
    ModelMatrices matrices = ModelMatrices.of(lens);
    return matrices.rows(out(layer), 0, matrices.height(out(layer)));
  }

  private static HookPoint out(int layer) {
    return new HookPoint(HookSite.MLP_OUT, layer);
  }
}
