package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.java.PlanFixtures.Token;
import dev.vidrio.kernel.op.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;

/** Runs of plans on batches that always contain all sequences, so that each keeps its index. */
final class PlanRuns {
  static final int SEQUENCES = 3;

  /** Positions of a sequence: one block of the cache. */
  static final int POSITIONS = 64;

  static final Limits LIMITS = PlanFixtures.limits(23, POSITIONS);

  private PlanRuns() {}

  /** Returns chunks of prompts of three sequences, then single tokens, which replicate results. */
  static List<List<Token>> steps(long seed) {
    List<List<Token>> steps = new ArrayList<>(PlanFixtures.steps(seed, 23, 50, 4, 20));
    for (int i = 0; i < 6; i++) {
      steps.add(List.of(new Token(0, 50 + i, i, true)));
      steps.add(List.of(new Token(1, 4 + i, 2 * i, true), new Token(2, 20 + i, 7, false)));
    }
    return steps;
  }

  /** Returns both Java executors, and native ones. */
  static List<Executor> executors() {
    List<Executor> executors = new ArrayList<>();
    executors.add(JavaExecutor.scalar(2));
    executors.add(JavaExecutor.vector(3));
    for (Isa isa : PlanFixtures.instructionSets()) {
      executors.add(NativeExecutor.create(isa, 1 + executors.size() % 3));
    }
    return executors;
  }

  /**
   * Checks that all executors, with caches as on two NUMA nodes, give the bits of the scalar one
   * for a plan's outputs.
   *
   * @param before called with the index of each step before it runs
   * @return the bits, per step
   */
  static List<Map<Buffer, int[]>> assertSameBits(
      Plan plan, KvType type, List<List<Token>> steps, IntConsumer before) {
    try (JavaExecutor scalar = JavaExecutor.scalar(1)) {
      List<Map<Buffer, int[]>> expected = run(scalar, plan, type, steps, before);
      for (Executor executor : executors()) {
        try (executor) {
          var placing = new PlacingExecutor(executor, 2);
          List<Map<Buffer, int[]>> actual = run(placing, plan, type, steps, before);
          for (int step = 0; step < steps.size(); step++) {
            for (Buffer y : plan.outputs()) {
              assertArrayEquals(
                  expected.get(step).get(y),
                  actual.get(step).get(y),
                  executor.name() + " step " + step + " " + y.name());
            }
          }
        }
      }
      return expected;
    }
  }

  /**
   * Returns the bits of each output's rows, per step.
   *
   * @param before called with the index of each step before it runs
   */
  static List<Map<Buffer, int[]>> run(
      Executor executor, Plan plan, KvType type, List<List<Token>> steps, IntConsumer before) {
    List<Map<Buffer, int[]>> results = new ArrayList<>();
    try (Arena arena = Arena.ofShared()) {
      KvCache cache = new KvCache(executor, plan.kv(), type, SEQUENCES, SEQUENCES, arena);
      Batch batch = new Batch(LIMITS, arena);
      try (ExecutablePlan executable = executor.prepare(plan, LIMITS, cache)) {
        for (int i = 0; i < steps.size(); i++) {
          fill(batch, steps.get(i));
          before.accept(i);
          executable.run(batch);
          Map<Buffer, int[]> outputs = new HashMap<>();
          for (Buffer y : plan.outputs()) {
            outputs.put(y, bits(executable.data(y), 0, batch.rows(y.rows()), y.width()));
          }
          results.add(outputs);
        }
      }
    }
    return results;
  }

  /** Fills a batch with all sequences and the tokens of a step. */
  static void fill(Batch batch, List<Token> step) {
    batch.clear();
    for (int s = 0; s < SEQUENCES; s++) {
      batch.addSequence(new int[] {s}, 1, s);
    }
    step.forEach(t -> batch.add(t.token(), t.position(), t.sequence(), t.wantsLogits()));
  }

  /** Returns the bits of rows, with a canonical NaN. */
  static int[] bits(MemorySegment data, long row, int rows, int width) {
    int[] bits = new int[rows * width];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToIntBits(data.getAtIndex(JAVA_FLOAT, row * width + i));
    }
    return bits;
  }
}
