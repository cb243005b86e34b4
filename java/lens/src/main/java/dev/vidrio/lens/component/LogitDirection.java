package dev.vidrio.lens.component;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.partial.RowPlan;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The logit of a token as a linear function of the last residual stream, given the divisor of the
 * final norm: {@code ((x − mean(x)) / σ ⊙ γ + β) · W_U[:,w] + b_w}, before a soft cap. Only
 * LayerNorm subtracts the mean.
 */
public final class LogitDirection {
  private final Op.Norm norm;
  private final float[] direction;
  private final double constant;

  private LogitDirection(Op.Norm norm, float[] direction, double constant) {
    this.norm = norm;
    this.direction = direction;
    this.constant = constant;
  }

  /**
   * Returns the direction of a token's logit, or of the difference to another one.
   *
   * @param versus the other token, or −1
   * @throws InvalidInputException if a token is not in the vocabulary
   */
  public static LogitDirection of(Lens lens, int token, int versus) {
    Preconditions.requireToken(lens.model(), token);
    LogitDirection readout = of(lens.model(), token);
    if (versus < 0) {
      return readout;
    }
    Preconditions.requireToken(lens.model(), versus);
    return readout.minus(of(lens.model(), versus));
  }

  /**
   * Returns the direction of the mean logit of some tokens minus that of others.
   *
   * @param tokens one or more
   * @param versus other tokens; may be none
   * @throws InvalidInputException if a token is not in the vocabulary
   */
  public static LogitDirection ofMean(Lens lens, List<Integer> tokens, List<Integer> versus) {
    LogitDirection mean = mean(lens, tokens);
    return versus.isEmpty() ? mean : mean.minus(mean(lens, versus));
  }

  private static LogitDirection mean(Lens lens, List<Integer> tokens) {
    Preconditions.require(!tokens.isEmpty(), "tokens", "", "must be at least 1");
    LogitDirection first = of(lens, tokens.getFirst(), -1);
    var sum = new float[first.direction.length];
    double constant = 0;
    for (int token : tokens) {
      LogitDirection one = of(lens, token, -1);
      Vectors.add(sum, one.direction);
      constant += one.constant;
    }
    Vectors.scale(sum, 1f / tokens.size());
    return new LogitDirection(first.norm, sum, constant / tokens.size());
  }

  /**
   * The operations from the last residual stream to the logits.
   *
   * @param product with W_U
   * @param bias of the logits
   * @param factor of the logits, without the scales of a soft cap
   */
  record Readout(Op.Norm norm, Op.MatMul product, Op.@Nullable AddBias bias, double factor) {
    static Readout of(Model model) {
      Preconditions.requireOneStream(model, "logit as a function of the last residual stream");
      List<Op> ops = model.architecture().plan().ops();
      Op.Norm norm = null;
      Op.MatMul product = null;
      Op.AddBias bias = null;
      for (Op op : ops) {
        switch (op) {
          case Op.Norm last -> norm = last;
          case Op.MatMul last -> {
            product = last;
            bias = null;
          }
          case Op.AddBias last -> bias = last;
          default -> {}
        }
      }
      if (norm == null || product == null) {
        throw new IllegalStateException("the plan has no unembedding");
      }
      return new Readout(norm, product, bias, LogitDirection.factor(ops));
    }
  }

  /** Returns the direction of a token's logit. */
  public static LogitDirection of(Model model, int token) {
    Readout end = Readout.of(model);
    Op.Norm norm = end.norm;
    float[] column = column(model, end.product.weights(), token);
    double constant = 0;
    for (int j = 0; j < column.length; j++) {
      column[j] *= (float) end.factor;
      constant += element(norm.bias(), j, 0) * column[j];
      column[j] *= (float) element(norm.gain(), j, 1);
    }
    double bias = end.bias == null ? 0 : end.factor * element(end.bias.bias(), token, 0);
    return new LogitDirection(norm, column, constant + bias);
  }

  /** Returns whether a model soft-caps its logits. */
  public static boolean isCapped(Model model) {
    return isCapped(model.architecture().plan().ops());
  }

  private static boolean isCapped(List<Op> ops) {
    return ops.get(ops.size() - 2) instanceof Op.Activation;
  }

  /** Returns the final factor of the logits, without the scales of a soft cap. */
  private static double factor(List<Op> ops) {
    return ops.getLast() instanceof Op.Scale scale && !isCapped(ops) ? scale.factor() : 1;
  }

  static double element(@Nullable Weights vector, int i, double otherwise) {
    return vector == null ? otherwise : vector.data().getAtIndex(JAVA_FLOAT, i);
  }

  /** Returns W_U[:,w], which the file stores as a row. */
  private static float[] column(Model model, Weights unembedding, int token) {
    try (RowPlan plan = rows(model, unembedding, 1)) {
      plan.run(new int[] {token});
      return plan.output(0).toArray(JAVA_FLOAT);
    }
  }

  /** Returns a plan that dequantizes rows of a matrix as the file stores them. */
  public static RowPlan rows(Model model, Weights matrix, int atOnce) {
    GgufTensor tensor = model.gguf().findTensor(matrix.name()).orElseThrow();
    WeightType type = WeightType.of(tensor.type()).orElseThrow();
    var rows =
        new Weights(
            tensor.name(), type, Weights.Layout.ROWS, matrix.n(), matrix.k(), tensor.data());
    return new RowPlan(model.executor(), rows, atOnce);
  }

  /** Returns the direction of the difference of two logits. */
  LogitDirection minus(LogitDirection other) {
    float[] difference = Vectors.minus(direction, other.direction);
    return new LogitDirection(norm, difference, constant - other.constant);
  }

  /**
   * Returns the contribution of a part of the residual stream to the logit, given the divisor of
   * the norm.
   */
  public double of(float[] part, double scale) {
    double mean = 0;
    if (norm.kind() == Op.NormKind.LAYER) {
      for (float value : part) {
        mean += value;
      }
      mean /= part.length;
    }
    double sum = 0;
    for (int j = 0; j < part.length; j++) {
      sum += (part[j] - mean) * direction[j];
    }
    return sum / scale;
  }

  /** Returns the part that does not depend on the residual stream: biases. */
  public double constant() {
    return constant;
  }
}
