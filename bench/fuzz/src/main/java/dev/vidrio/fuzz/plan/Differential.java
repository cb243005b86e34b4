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
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Runs cases on all executors and compares the results. */
final class Differential implements AutoCloseable {
  private final Executors executors = new Executors();
  private double compared;
  private long runs;

  /**
   * A violated promise.
   *
   * @param example the case
   * @param setup the run that differs
   * @param description the difference
   */
  record Finding(PlanCase example, Setup setup, String description) {}

  /** Returns the kinds of executors. */
  List<String> kinds() {
    return executors.kinds();
  }

  /** Returns the number of runs of plans. */
  long runs() {
    return runs;
  }

  /** Returns the sum over cases of the share of activations that were compared. */
  double compared() {
    return compared;
  }

  /**
   * Runs a case on every executor.
   *
   * @param withVector whether the executor of the Vector API takes part
   * @return the first difference, or null
   */
  @Nullable Finding check(PlanCase drawn, boolean withVector) {
    PlanCase example = supported(drawn);
    Object reference = reference(example);
    if (reference instanceof Comparison comparison) {
      compared += comparison.compared();
    }
    for (Setup setup : Setup.all(executors.kinds(), example, withVector)) {
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
    Executor executor = executors.of(setup.kind(), setup.workers());
    CaseRunner.Results results;
    runs++;
    try {
      results =
          CaseRunner.run(
              example,
              setup.layout().of(plan),
              new CaseRunner.Variant(executor, setup.fused(), setup.parts()));
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
    runs++;
    try {
      CaseRunner.Results results =
          CaseRunner.run(example, plan, new CaseRunner.Variant(executor, false, 1));
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
