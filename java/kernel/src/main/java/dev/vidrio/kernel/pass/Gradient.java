package dev.vidrio.kernel.pass;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.weight.Weights;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * The gradient of a scalar with respect to activations of a plan, as another plan: the operations
 * of the forward pass, then those of the backward pass. {@link Differentiation} derives it.
 *
 * <pre>{@code
 * Gradient gradient =
 *     new Differentiation(Map.of(logits, seed), Set.of(embed), GradientRules.EXACT)
 *         .differentiate(plan);
 * executable.run(batch, 0, gradient.forwardOps());
 * // fill the seed with the gradient of the metric with respect to the logits
 * executable.run(batch, gradient.forwardOps(), gradient.plan().ops().size());
 * executable.data(gradient.of(embed)); // [n, width]
 * }</pre>
 *
 * A step must contain whole sequences, from their first position on, since keys and values of
 * earlier steps count as constants. Several sequences may run at once. Gradients have the shape of
 * their activations, in f32, and need a cache of {@link dev.vidrio.kernel.KvType#F32}.
 *
 * @param plan its outputs are those of the forward plan and the gradients
 * @param forwardOps number of operations of the forward pass, which come first
 * @param gradients the gradient of each requested activation
 */
public record Gradient(Plan plan, int forwardOps, Map<Buffer, Buffer> gradients) {
  public Gradient {
    gradients = Map.copyOf(gradients);
  }

  /**
   * Returns this gradient with faster products in the backward pass, by {@link TransposedProducts}.
   *
   * @param transposed gives the transpose [K, N] of a matrix
   */
  public Gradient in(Arithmetic arithmetic, UnaryOperator<Weights> transposed) {
    Plan faster = new TransposedProducts(arithmetic, transposed).apply(plan);
    return new Gradient(faster, forwardOps, gradients);
  }

  /**
   * Returns this gradient with a backward pass that can be repeated after one forward pass: the
   * activations that it reads are outputs, so that their memory is not reused.
   */
  public Gradient repeatable() {
    List<Op> ops = plan.ops();
    Set<Operand> written = new HashSet<>();
    ops.subList(0, forwardOps).forEach(op -> written.addAll(op.writes()));
    Set<Buffer> outputs = new HashSet<>(plan.outputs());
    for (Op op : ops.subList(forwardOps, ops.size())) {
      for (Operand read : op.reads()) {
        if (written.contains(read) && read instanceof Buffer buffer) {
          outputs.add(buffer);
        }
      }
    }
    return new Gradient(new Plan(ops, plan.kv(), outputs), forwardOps, gradients);
  }

  /**
   * Returns the gradient with respect to an activation.
   *
   * @throws IllegalArgumentException if it was not requested
   */
  public Buffer of(Buffer activation) {
    Buffer gradient = gradients.get(activation);
    if (gradient == null) {
      throw new IllegalArgumentException(
          activation.name() + ": gradient not requested; available: " + names());
    }
    return gradient;
  }

  private String names() {
    return String.join(", ", gradients.keySet().stream().map(Buffer::name).sorted().toList());
  }
}
