package dev.vidrio.model.block;

import dev.vidrio.formats.gguf.GgufValue;
import dev.vidrio.formats.gguf.Metadata;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;

/**
 * xIELU (Huang &amp; Schlag 2024, arXiv 2411.13010), with learned slopes: {@code αₚ x² + β x} for
 * positive x, otherwise {@code αₙ (eˣ − 1 − x) + β x}. Computed as {@code αₚ ReLU²(x) + αₙ ELU(x) +
 * (β − αₙ) x}. The upper bound eps of exponents, which files have too, is so close to 0 that it
 * counts as 0.
 *
 * @param alphaP αₚ
 * @param alphaN αₙ
 * @param beta β
 */
public record Xielu(float alphaP, float alphaN, float beta) {
  private static final double MAX = 1e3;
  private static final double MAX_EPS = 1e-3;

  /**
   * Reads xIELU of a layer; files hold αₚ and αₙ − β before the softplus that makes them positive.
   */
  public static Xielu read(Hyperparameters params, int layer, int layers) {
    Metadata metadata = params.gguf().metadata();
    double beta = parameter(metadata, "beta", layer, layers, MAX);
    var _ = parameter(metadata, "eps", layer, layers, MAX_EPS);
    return new Xielu(
        (float) softplus(parameter(metadata, "alpha_p", layer, layers, MAX)),
        (float) (beta + softplus(parameter(metadata, "alpha_n", layer, layers, MAX))),
        (float) beta);
  }

  private static double parameter(Metadata metadata, String name, int l, int layers, double max) {
    String key = "xielu." + name;
    if (!(metadata.entries().get(key) instanceof GgufValue.Array)) {
      return metadata.floatValue(key, (float) -max, (float) max);
    }
    float[] values = metadata.floats(key);
    if (values.length != layers) {
      throw metadata.error(key, values.length + " numbers", "must be " + layers);
    }
    if (!(Math.abs(values[l]) <= max)) {
      throw metadata.error(key, l, Float.toString(values[l]), "must be " + -max + " to " + max);
    }
    return values[l];
  }

  private static double softplus(double x) {
    return Math.max(x, 0) + StrictMath.log1p(StrictMath.exp(-Math.abs(x)));
  }

  /** Writes the activation. */
  Buffer write(PlanBuilder plan, String name, Buffer x) {
    Buffer square = plan.activation(name + ".square", ActivationKind.SQUARED_RELU, x);
    Buffer elu = plan.activation(name + ".elu", ActivationKind.ELU, x);
    Buffer curved =
        plan.add(
            name + ".curved",
            plan.scale(name + ".square.scaled", alphaP, square),
            plan.scale(name + ".elu.scaled", alphaN, elu));
    return plan.add(name, curved, plan.scale(name + ".line", beta - alphaN, x));
  }
}
