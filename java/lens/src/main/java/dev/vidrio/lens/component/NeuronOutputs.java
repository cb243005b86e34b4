package dev.vidrio.lens.component;

import dev.vidrio.lens.Lens;
import dev.vidrio.lens.ModelMatrices;
import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.lens.hook.HookSite;
import dev.vidrio.lens.plan.HookMap;
import dev.vidrio.model.InvalidInputException;

/** What neurons of a feed-forward block add to the residual stream: the rows of W_out. */
public final class NeuronOutputs {
  private NeuronOutputs() {}

  /**
   * The rows w_out,u of a layer, [d_ffn][d], before what stands between the product and the stream.
   *
   * @throws InvalidInputException when the layer has experts
   */
  public static float[][] directions(Lens lens, int layer) {
    ModelMatrices matrices = ModelMatrices.of(lens);
    HookPoint out = new HookPoint(HookSite.MLP_OUT, layer);
    return matrices.rows(out, 0, matrices.height(out));
  }

  /** What each neuron adds to the stream at a token, {@code n_u w_out,u}, [d_ffn][d]. */
  public static float[][] written(Lens lens, HookMap hooks, int layer, float[] activations) {
    float[][] parts = directions(lens, layer);
    for (int u = 0; u < parts.length; u++) {
      for (int j = 0; j < parts[u].length; j++) {
        parts[u][j] *= activations[u];
      }
    }
    return HeadOutputs.written(hooks.afterProduct(new HookPoint(HookSite.MLP_OUT, layer)), parts);
  }
}
