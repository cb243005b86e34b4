package dev.vidrio.kernel.gradient;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

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

  /** The same with products on the way back that may leave the promise of equal bits for speed. */
  public Gradient fast() {
    List<Op> ops = plan.ops().stream().map(Gradient::fast).toList();
    return new Gradient(new Plan(ops, plan.kv(), plan.outputs()), forwardOps, gradients);
  }

  private static Op fast(Op op) {
    return op instanceof BackwardOp.MatMul(Weights weights, Buffer dy, Buffer dx, boolean ignored)
        ? new BackwardOp.MatMul(weights, dy, dx, true)
        : op;
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
