package dev.vidrio.kernel.pass;

import dev.vidrio.kernel.Plan;

/**
 * A transformation from plan to plan: what is done with a model is done by rewriting its plan. A
 * pass decides by what operations declare ({@link dev.vidrio.kernel.op.Op#accesses}) and rebuilds
 * them over other activations by {@link dev.vidrio.kernel.op.Op#withOperands}.
 *
 * <p>The shape of the cache and the outputs of the plan remain; a pass may add outputs. An
 * activation that keeps its name keeps its bits, unless changing it is the purpose of the pass.
 * Passes that move activations also tell where they went, each in its own terms: {@link Gradient}
 * maps activations to their gradients, an adapter pass maps operations to operations.
 *
 * <p>A pass is immutable unless it says otherwise.
 */
@FunctionalInterface
public interface PlanPass {
  /**
   * Returns the transformed plan.
   *
   * @throws IllegalArgumentException if the pass does not support an operation of the plan
   */
  Plan apply(Plan plan);
}
