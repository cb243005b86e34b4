package dev.vidrio.lens.decode.sae;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookSource;
import dev.vidrio.lens.vector.Vectors;
import org.jspecify.annotations.Nullable;

/**
 * The input of a transcoder of a feed-forward block, by the names of circuit-tracer: a hook point,
 * and the gain and bias that are applied between this point and the transcoder. They are folded
 * into the weights, so that the transcoder reads the hook point.
 */
final class BlockInput {
  /** The input of a feed-forward block, after the norm with its gain. */
  static final String MODULE_INPUT = "mlp.hook_in";

  /** The output of a feed-forward block, before a norm of its output. */
  static final String MODULE_OUTPUT = "mlp.hook_out";

  private final HookPoint point;
  private final float @Nullable [] gain;
  private final float @Nullable [] bias;

  private BlockInput(HookPoint point, float @Nullable [] gain, float @Nullable [] bias) {
    this.point = point;
    this.gain = gain;
    this.bias = bias;
  }

  /**
   * Returns the input of a layer.
   *
   * @param file the file that names it, for errors
   * @param name such as {@code hook_resid_mid}, {@code ln2.hook_normalized} or {@code mlp.hook_in}
   * @throws ModelFileException if the model does not have the layer
   * @throws UnsupportedModelException if the layer does not have this input
   */
  static BlockInput of(Lens lens, String file, int layer, String name) {
    int layers = lens.model().architecture().layers();
    if (layer >= layers) {
      throw new ModelFileException(
          file, "layer", Integer.toString(layer), "must be below " + layers + ", as in the model");
    }
    if (!name.equals(MODULE_INPUT)) {
      return new BlockInput(lens.point("blocks." + layer + "." + name), null, null);
    }
    HookMap hooks = HookMap.of(lens.model());
    var normalized = new HookPoint(HookSite.LN2_NORMALIZED, layer);
    if (!hooks.has(normalized)) {
      throw new UnsupportedModelException(
          file, "input " + name, "layer " + layer + " of the model has no norm before its block");
    }
    Op.Norm norm = ((HookSource.Norm) hooks.source(normalized)).op();
    return new BlockInput(normalized, vector(norm.gain()), vector(norm.bias()));
  }

  private static float @Nullable [] vector(@Nullable Weights weights) {
    return weights == null ? null : weights.data().toArray(JAVA_FLOAT);
  }

  /**
   * Returns the output of a layer.
   *
   * @param file the file that names it, for errors
   * @param name {@code hook_mlp_out}, or {@code mlp.hook_out} where no norm follows
   * @throws UnsupportedModelException if it is another one, or a norm follows
   */
  static HookPoint output(Lens lens, String file, int layer, String name) {
    var out = new HookPoint(HookSite.MLP_OUT, layer);
    boolean same =
        name.equals(HookSite.MLP_OUT.suffix())
            || (name.equals(MODULE_OUTPUT)
                && HookMap.of(lens.model()).afterProduct(out).stream()
                    .noneMatch(Op.Norm.class::isInstance));
    if (!same) {
      throw new UnsupportedModelException(
          file,
          "output " + name,
          "supported: hook_mlp_out, and mlp.hook_out in models without a norm after the block");
    }
    return lens.point(out.name());
  }

  HookPoint point() {
    return point;
  }

  /** Returns the gain between the point and the transcoder, [d], or null. */
  float @Nullable [] gain() {
    return gain;
  }

  /** Returns the bias between the point and the transcoder, [d], or null. */
  float @Nullable [] bias() {
    return bias;
  }

  /** Multiplies rows of a matrix that reads the input by the gain, in place. */
  void fold(float[][] rows) {
    for (float[] row : rows) {
      for (int j = 0; gain != null && j < row.length; j++) {
        row[j] *= gain[j];
      }
    }
  }

  /**
   * Adds the products of rows with the bias to a bias of the outputs.
   *
   * @param rows of a matrix, before {@link #fold}
   */
  void foldBias(float[][] rows, float[] sums) {
    for (int i = 0; bias != null && i < rows.length; i++) {
      sums[i] += (float) Vectors.dot(rows[i], bias);
    }
  }
}
