package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class JavaExecutorTest {
  private static final Limits LIMITS = PlanFixtures.limits(8, 128);

  @Test
  void reportsNameAndWorkers() {
    try (JavaExecutor scalar = JavaExecutor.scalar(1);
        JavaExecutor vector = JavaExecutor.vector(3)) {
      assertEquals("scalar", scalar.name());
      assertEquals(1, scalar.workers());
      assertEquals("vector", vector.name());
      assertEquals(3, vector.workers());
    }
    for (int workers : new int[] {-1, 0, 1025}) {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> JavaExecutor.vector(workers));
      assertEquals(workers + " workers: must be between 1 and 1024", e.getMessage());
    }
  }

  @Test
  void allocatesZeroedAlignedMemory() {
    try (Arena arena = Arena.ofShared();
        JavaExecutor executor = JavaExecutor.vector(1)) {
      for (int i = 1; i < 200; i += 13) {
        MemorySegment memory = executor.allocate(i, arena);
        assertEquals(0, memory.address() % 64);
        assertEquals(-1, memory.mismatch(MemorySegment.ofArray(new byte[i])));
      }
    }
  }

  /** Executors share packed weights, so their bytes must equal. */
  @ParameterizedTest
  @EnumSource(
      value = WeightType.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"F32", "F16", "BF16"})
  void pack_equalsNative(WeightType type) {
    int n = 37;
    int k = 3 * type.blockElements();
    try (Arena arena = Arena.ofShared();
        JavaExecutor executor = JavaExecutor.vector(3);
        NativeExecutor other = NativeExecutor.create(Isa.SCALAR, 1)) {
      Weights w = Segments.matrix(arena, type, n, k, new Random(1));
      MemorySegment packed = executor.allocate(Packing.bytes(type, n, k), arena).fill((byte) 7);
      executor.pack(type, n, k, w.data(), packed);
      MemorySegment expected = other.allocate(Packing.bytes(type, n, k), arena);
      other.pack(type, n, k, w.data(), expected);
      assertEquals(-1, expected.mismatch(packed));
      MemorySegment small = packed.asSlice(0, packed.byteSize() - 64);
      assertThrows(
          IllegalArgumentException.class, () -> executor.pack(type, n, k, w.data(), small));
    }
  }

  @Test
  void rejectsInvalidBatches() {
    try (Arena arena = Arena.ofShared();
        JavaExecutor executor = JavaExecutor.vector(2)) {
      Plan plan = PlanFixtures.transformer(1, arena);
      KvShape shape = plan.kv();
      KvShape other =
          new KvShape(shape.layers().size(), shape.keyValue(0).heads() + 1, shape.keyValue(0).dH());
      KvCache wrong = new KvCache(executor, other, 4, arena);
      assertThrows(IllegalArgumentException.class, () -> executor.prepare(plan, LIMITS, wrong));
      KvCache cache = new KvCache(executor, shape, 4, arena);
      try (ExecutablePlan executable = executor.prepare(plan, LIMITS, cache)) {
        Batch foreign = new Batch(PlanFixtures.limits(9, 128), arena);
        assertThrows(IllegalArgumentException.class, () -> executable.run(foreign));
        Batch batch = new Batch(LIMITS, arena);
        assertThrows(IndexOutOfBoundsException.class, () -> executable.run(batch, 2, 1));
        assertThrows(
            IndexOutOfBoundsException.class, () -> executable.run(batch, 0, plan.ops().size() + 1));
        batch.addSequence(new int[] {3, 4}, 2, 0);
        batch.add(0, 63, 0, false);
        executable.run(batch);
        batch.add(0, 64, 0, false);
        IndexOutOfBoundsException e =
            assertThrows(IndexOutOfBoundsException.class, () -> executable.run(batch));
        assertEquals("block 4 is outside 0 to 3", e.getMessage());
        batch.clear();
        batch.addSequence(new int[] {0}, 1, 0);
        batch.add(0, 5, 0, false);
        batch.add(0, 5, 0, false);
        assertThrows(IllegalArgumentException.class, () -> executable.run(batch));
      }
    }
  }

  @Test
  void run_afterClose_throws() {
    try (Arena arena = Arena.ofShared()) {
      Plan plan = PlanFixtures.transformer(1, arena);
      JavaExecutor executor = JavaExecutor.vector(2);
      KvCache cache = new KvCache(executor, plan.kv(), 4, arena);
      Batch batch = new Batch(LIMITS, arena);
      batch.addSequence(new int[] {0}, 1, 0);
      batch.add(0, 0, 0, true);
      ExecutablePlan closed = executor.prepare(plan, LIMITS, cache);
      MemorySegment logits = closed.data(plan.buffer("logits"));
      closed.run(batch);
      closed.close();
      closed.close();
      assertThrows(IllegalStateException.class, () -> closed.run(batch));
      assertThrows(IllegalStateException.class, () -> logits.get(JAVA_BYTE, 0));
      try (ExecutablePlan open = executor.prepare(plan, LIMITS, cache)) {
        open.run(batch);
        executor.close();
        executor.close();
        IllegalStateException e = assertThrows(IllegalStateException.class, () -> open.run(batch));
        assertEquals("the executor is closed", e.getMessage());
      }
    }
  }

  /** A failing worker must neither hang the others nor hide its error. */
  @Test
  void workerError_reachesCaller() {
    try (Arena arena = Arena.ofShared();
        Arena confined = Arena.ofConfined();
        JavaExecutor executor = JavaExecutor.vector(2)) {
      Plan plan = PlanFixtures.transformer(1, arena);
      KvCache cache = new KvCache(executor, plan.kv(), 4, arena);
      Batch batch = new Batch(LIMITS, confined);
      batch.addSequence(new int[] {0}, 1, 0);
      for (int i = 0; i < 8; i++) {
        batch.add(0, i, 0, false);
      }
      try (ExecutablePlan executable = executor.prepare(plan, LIMITS, cache)) {
        assertThrows(WrongThreadException.class, () -> executable.run(batch));
      }
    }
  }
}
