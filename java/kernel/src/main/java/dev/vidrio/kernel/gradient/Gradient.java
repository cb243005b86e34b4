package dev.vidrio.kernel.gradient;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * The gradient of a plan with respect to its activations, as another plan: the operations of the
 * first, then those of the backward pass.
 *
 * <pre>{@code
 * Gradient gradient = Gradient.of(plan, Map.of(logits, seed), Set.of(embed), GradientRules.EXACT);
 * executable.run(batch, 0, gradient.forwardOps());
 * // fill the seed, by what the metric says of the logits
 * executable.run(batch, gradient.forwardOps(), gradient.plan().ops().size());
 * executable.data(gradient.of(embed));
 * }</pre>
 *
 * A step must hold the whole text from its first position on, since keys and values of earlier
 * steps count as constants. Several sequences may run at once.
 *
 * @param plan its outputs are those of the first plan and the gradients
 * @param forwardOps operations that are those of the first plan
 * @param gradients of the wanted activations
 */
public record Gradient(Plan plan, int forwardOps, Map<Buffer, Buffer> gradients) {
  public Gradient {
    gradients = Map.copyOf(gradients);
  }

  /**
   * The gradient of a number with respect to activations.
   *
   * @param seeds its gradient with respect to the activations that it is a function of, each [room
   *     for rows, width], which the caller fills before the second part of a step
   * @param wanted activations
   * @throws IllegalArgumentException when an activation is not in the plan, or when no gradient
   *     reaches it from the seeds under these rules
   */
  public static Gradient of(
      Plan forward, Map<Buffer, MemorySegment> seeds, Set<Buffer> wanted, GradientRules rules) {
    return of(forward, seeds, new BackwardPass(forward, wanted, rules, null), wanted);
  }

  /**
   * The same with less memory: activations are computed again on the way back, but for the {@code
   * checkpoints}, the seeds and the plan's outputs. With the residual stream before each layer as
   * checkpoints that takes a second way forward, and the memory of one layer.
   *
   * @throws IllegalArgumentException as above
   */
  public static Gradient of(
      Plan forward,
      Map<Buffer, MemorySegment> seeds,
      Set<Buffer> wanted,
      GradientRules rules,
      Set<Buffer> checkpoints) {
    Set<Buffer> kept = new HashSet<>(checkpoints);
    kept.addAll(forward.outputs());
    kept.addAll(seeds.keySet());
    return of(forward, seeds, new BackwardPass(forward, wanted, rules, kept), wanted);
  }

  private static Gradient of(
      Plan forward, Map<Buffer, MemorySegment> seeds, BackwardPass pass, Set<Buffer> wanted) {
    seeds.forEach(pass::seed);
    pass.run();
    Map<Buffer, Buffer> gradients = pass.gradients(wanted);
    Set<Buffer> outputs = new LinkedHashSet<>(forward.outputs());
    outputs.addAll(gradients.values());
    var plan = new Plan(pass.ops(), forward.kv(), outputs);
    return new Gradient(plan, forward.ops().size(), gradients);
  }

  /**
   * The same with products of bytes on the way back: a gradient is quantized as activations are on
   * the way forward, and multiplies Wᵀ. Products stay where the gradient does not fill blocks,
   * where it is of logits, of which few rows matter, and where tokens choose their matrix.
   *
   * @param transposed gives the transpose of a matrix, [K, N], of a type whose factor is quantized
   */
  public Gradient quantized(UnaryOperator<Weights> transposed) {
    List<Op> ops = new ArrayList<>();
    for (Op op : plan.ops()) {
      if (op instanceof BackwardOp.MatMul product && canQuantize(product.dy())) {
        Buffer dy = product.dy();
        var blocks = new QuantizedBuffer(product.dx().name() + ".blocks", dy.rows(), dy.width());
        ops.add(new Op.Quantize(dy, blocks));
        ops.add(new Op.MatMul(transposed.apply(product.weights()), blocks, product.dx()));
      } else {
        ops.add(op);
      }
    }
    return new Gradient(new Plan(ops, plan.kv(), plan.outputs()), forwardOps, gradients);
  }

  private static boolean canQuantize(Buffer dy) {
    return dy.rows() == Rows.TOKENS && dy.width() % QuantizedBuffer.BLOCK == 0;
  }

  /** Where the gradient with respect to a wanted activation lies. */
  public Buffer of(Buffer activation) {
    Buffer gradient = gradients.get(activation);
    if (gradient == null) {
      throw new IllegalArgumentException(
          "the gradient with respect to " + activation.name() + " was not asked for");
    }
    return gradient;
  }
}
