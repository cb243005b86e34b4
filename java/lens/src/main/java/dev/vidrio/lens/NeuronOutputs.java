package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Weights;
import dev.vidrio.model.InvalidInputException;

/** What neurons of a feed-forward block add to the residual stream: the rows of W_out. */
final class NeuronOutputs {
  /** Rows of a matrix that are dequantized at once. */
  private static final int ROWS = 256;

  private NeuronOutputs() {}

  /**
   * The rows w_out,u of a layer, [d_ffn][d], before what stands between the product and the stream.
   *
   * @throws InvalidInputException when the layer has experts
   */
  static float[][] directions(Lens lens, int layer) {
    HookPoint post = new HookPoint(HookSite.POST, layer);
    Weights matrix =
        lens.hooks()
            .matrix(post)
            .orElseThrow(
                () -> new InvalidInputException("hook", post.name(), "is that of experts"));
    var directions = new float[matrix.k()][matrix.n()];
    try (RowPlan rows = Readout.rows(lens.model(), matrix, ROWS)) {
      rows.each(
          matrix.n(),
          (j, row) -> {
            for (int u = 0; u < directions.length; u++) {
              directions[u][j] = row.getAtIndex(JAVA_FLOAT, u);
            }
          });
    }
    return directions;
  }

  /** What each neuron adds to the stream at a token, {@code n_u w_out,u}, [d_ffn][d]. */
  static float[][] written(Lens lens, int layer, float[] activations) {
    float[][] parts = directions(lens, layer);
    for (int u = 0; u < parts.length; u++) {
      for (int j = 0; j < parts[u].length; j++) {
        parts[u][j] *= activations[u];
      }
    }
    return HeadOutputs.written(
        lens.hooks().afterProduct(new HookPoint(HookSite.MLP_OUT, layer)), parts);
  }
}
