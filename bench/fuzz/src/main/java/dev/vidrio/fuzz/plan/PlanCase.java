package dev.vidrio.fuzz.plan;

import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.pass.PlanPass;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A plan with the steps that it runs.
 *
 * @param seed from which the case follows
 * @param plan the plan
 * @param equivalents plans with the same outputs, which passes made of the plan
 * @param limits sizes of the plan and of batches
 * @param cacheType element type of keys and values
 * @param steps the tokens of each step
 * @param workshop updates the tables of the plan before each step
 */
record PlanCase(
    long seed,
    Plan plan,
    List<Equivalent> equivalents,
    Limits limits,
    KvType cacheType,
    List<List<Token>> steps,
    Workshop workshop) {

  /** A token of a step. */
  record Token(int sequence, int position, int token, int type, boolean wantsLogits) {}

  /**
   * A plan that a pass made.
   *
   * @param name the name of the pass
   * @param pass makes a plan of a changed one, or null if it cannot
   */
  record Equivalent(String name, Plan plan, @Nullable PlanPass pass) {}

  PlanCase withSteps(List<List<Token>> others) {
    return new PlanCase(seed, plan, equivalents, limits, cacheType, others, workshop);
  }

  PlanCase withCacheType(KvType other) {
    return new PlanCase(seed, plan, equivalents, limits, other, steps, workshop);
  }

  PlanCase withPlan(Plan other) {
    List<Equivalent> others =
        equivalents.stream()
            .map(e -> e.pass == null ? e : new Equivalent(e.name, e.pass.apply(other), e.pass))
            .toList();
    return new PlanCase(seed, other, others, limits, cacheType, steps, workshop);
  }
}
