package dev.vidrio.fuzz.plan;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.execution.Schedule;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.op.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Runs the steps of a case. */
final class CaseRunner {
  private CaseRunner() {}

  /**
   * A way to run a plan.
   *
   * @param executor the executor
   * @param memory allocates the cache
   * @param fused whether a native executor may fuse operations
   * @param parts runs each step in this many parts
   */
  record Variant(Executor executor, Executor memory, boolean fused, int parts) {
    @Override
    public String toString() {
      String schedule = executor instanceof NativeExecutor ? (fused ? " fused" : " plain") : "";
      String division = parts == 1 ? "" : " in " + parts + " parts";
      return executor.name() + schedule + ", workers: " + executor.workers() + division;
    }
  }

  /**
   * The results of all steps.
   *
   * @param outputs the bits of each output's rows, per step
   * @param written the memory that taps and statistics wrote
   * @param cache the blocks and slots of the cache at the end
   */
  record Results(List<Map<Buffer, int[]>> outputs, List<byte[]> written, List<byte[]> cache) {}

  /**
   * Runs a plan.
   *
   * @throws RuntimeException if the executor refuses it
   */
  static Results run(PlanCase example, Plan plan, Variant variant) {
    // Closing a shared arena interrupts all threads of the JVM; native workers use addresses.
    boolean shared =
        !(variant.executor instanceof NativeExecutor) && variant.executor.workers() > 1;
    try (Arena arena = shared ? Arena.ofShared() : Arena.ofConfined()) {
      Limits limits = example.limits();
      int blocks = limits.sequences() * limits.blocksPerSequence();
      var cache =
          new KvCache(
              variant.memory, plan.kv(), example.cacheType(), blocks, limits.sequences(), arena);
      for (int i = 0; i < blocks; i++) {
        cache.acquire();
      }
      for (int s = 0; s < limits.sequences(); s++) {
        cache.acquireSlot();
      }
      var batch = new Batch(limits, arena);
      List<Map<Buffer, int[]>> outputs = new ArrayList<>();
      try (ExecutablePlan executable = prepare(plan, variant, limits, cache)) {
        for (int step = 0; step < example.steps().size(); step++) {
          fill(batch, example.steps().get(step), plan.kv().hasStates());
          example.workshop().update(step);
          run(executable, batch, variant.parts);
          outputs.add(outputs(executable, batch));
        }
      }
      List<byte[]> written =
          example.workshop().written().stream().map(memory -> memory.toArray(JAVA_BYTE)).toList();
      return new Results(outputs, written, contents(cache));
    }
  }

  private static ExecutablePlan prepare(Plan plan, Variant variant, Limits limits, KvCache cache) {
    return variant.executor instanceof NativeExecutor executor && !variant.fused
        ? executor.prepare(plan, Schedule.plain(plan), limits, cache)
        : variant.executor.prepare(plan, limits, cache);
  }

  private static void run(ExecutablePlan executable, Batch batch, int parts) {
    int count = executable.plan().ops().size();
    for (int i = 0; i < parts; i++) {
      executable.run(batch, count * i / parts, count * (i + 1) / parts);
    }
  }

  /** Fills a batch with all sequences. Their blocks are in descending order. */
  private static void fill(Batch batch, List<PlanCase.Token> step, boolean hasStates) {
    batch.clear();
    int perSequence = batch.limits().blocksPerSequence();
    int sequences = batch.limits().sequences();
    for (int s = 0; s < sequences; s++) {
      int[] blocks = new int[perSequence];
      for (int i = 0; i < perSequence; i++) {
        blocks[i] = sequences * perSequence - 1 - (i * sequences + s);
      }
      batch.addSequence(blocks, perSequence, hasStates ? sequences - 1 - s : Batch.NO_SLOT);
    }
    for (PlanCase.Token t : step) {
      batch.add(t.token(), t.type(), t.position(), t.sequence(), t.wantsLogits());
    }
  }

  private static Map<Buffer, int[]> outputs(ExecutablePlan executable, Batch batch) {
    Map<Buffer, int[]> result = new HashMap<>();
    for (Buffer buffer : executable.plan().outputs()) {
      int[] bits = new int[batch.rows(buffer.rows()) * buffer.width()];
      MemorySegment.copy(executable.data(buffer), JAVA_INT, 0, bits, 0, bits.length);
      result.put(buffer, bits);
    }
    return result;
  }

  private static List<byte[]> contents(KvCache cache) {
    List<byte[]> contents = new ArrayList<>();
    for (int block = 0; block < cache.blocks(); block++) {
      cache.block(block).forEach(part -> contents.add(part.toArray(JAVA_BYTE)));
    }
    for (int slot = 0; slot < cache.slots(); slot++) {
      contents.add(cache.slot(slot).toArray(JAVA_BYTE));
    }
    return contents;
  }
}
