package dev.vidrio.fuzz.plan;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.ffm.NativeException;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Runs cases on executors and compares the results. */
final class Differential implements AutoCloseable {
  private final Executors executors = new Executors();
  private final Map<String, Integer> runs = new TreeMap<>();
  private double compared;

  /**
   * A violated promise.
   *
   * @param example the case
   * @param setup the run that differs
   * @param description the difference
   */
  record Finding(PlanCase example, Setup setup, String description) {}

  /** Returns the number of runs of plans on each kind of executor. */
  Map<String, Integer> runs() {
    return runs;
  }

  /** Returns the sum over cases of the share of activations that were compared. */
  double compared() {
    return compared;
  }

  /**
   * Runs a case.
   *
   * @param everywhere if true, on every executor, and otherwise on a few
   * @return the first difference, or null
   */
  @Nullable Finding check(PlanCase drawn, boolean everywhere) {
    PlanCase example = supported(drawn);
    Object reference = reference(example);
    if (reference instanceof Comparison comparison) {
      compared += comparison.compared();
    }
    List<Setup> setups =
        everywhere ? Setup.all(executors.kinds(), example) : Setup.few(executors.kinds(), example);
    for (Setup setup : setups) {
      String difference = difference(example, setup, reference);
      if (difference != null) {
        return new Finding(example, setup, difference);
      }
    }
    return null;
  }

  /** Returns the case with an F32 cache if its gradients need one. */
  private PlanCase supported(PlanCase example) {
    boolean differentiates =
        example.plan().ops().stream()
            .anyMatch(
                op ->
                    op.getClass().getName().contains("BackwardOp")
                        && !op.cacheAccesses().isEmpty());
    return differentiates ? example.withCacheType(KvType.F32) : example;
  }

  /** Returns a description of the difference between a run and the reference, or null. */
  @Nullable String difference(PlanCase example, Setup setup) {
    return difference(example, setup, reference(example));
  }

  private @Nullable String difference(PlanCase example, Setup setup, Object reference) {
    Plan plan = setup.pass() < 0 ? example.plan() : example.equivalents().get(setup.pass()).plan();
    CaseRunner.Results results;
    runs.merge(setup.kind(), 1, Integer::sum);
    try {
      results =
          CaseRunner.run(
              example,
              setup.layout().of(plan),
              new CaseRunner.Variant(
                  executors.of(setup.kind(), setup.workers()),
                  executors.memory(),
                  setup.fused(),
                  setup.parts()));
    } catch (IllegalArgumentException | NativeException | IndexOutOfBoundsException e) {
      return reference instanceof Comparison ? "refused: " + e : null;
    } catch (RuntimeException | Error e) {
      return "failed: " + e;
    }
    return reference instanceof Comparison comparison
        ? comparison.difference(results)
        : "accepted, but the reference refused it: " + reference;
  }

  /** Runs the case with every activation as an output; returns the exception if it is refused. */
  private Object reference(PlanCase example) {
    Plan plan = Layouts.PACKED.of(withAllOutputs(example.plan()));
    Executor executor = executors.of(Executors.REFERENCE, 1);
    runs.merge("reference", 1, Integer::sum);
    try {
      CaseRunner.Results results =
          CaseRunner.run(
              example, plan, new CaseRunner.Variant(executor, executors.memory(), false, 1));
      return new Comparison(plan, results);
    } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
      return e;
    }
  }

  private static Plan withAllOutputs(Plan plan) {
    Set<Buffer> all = new HashSet<>();
    for (Op op : plan.ops()) {
      for (Operand y : op.writes()) {
        if (y instanceof Buffer buffer) {
          all.add(buffer);
        }
      }
    }
    return new Plan(plan.ops(), plan.kv(), all);
  }

  @Override
  public void close() {
    executors.close();
  }
}
