package dev.vidrio.kernel.ffm;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NativeExecutorTest {
  private static final KvShape KV = new KvShape(1, 1, 8);
  private static final Limits LIMITS = new Limits(4, 2, 1, 64, 3);

  /** Returns a plan that looks up rows of a table with the elements 10 · row + column. */
  private static Plan lookup(Arena arena) {
    MemorySegment data = arena.allocate(JAVA_FLOAT, 3 * 8);
    for (int i = 0; i < 24; i++) {
      data.setAtIndex(JAVA_FLOAT, i, i / 8 * 10 + i % 8);
    }
    var b = new PlanBuilder(KV);
    var table = new Weights("table", WeightType.F32, Weights.Layout.ROWS, 3, 8, data);
    b.output(b.gather("chosen", b.embed("rows", table)));
    return b.build();
  }

  private static Batch batch(Arena arena, Limits limits) {
    var batch = new Batch(limits, arena);
    int s = batch.addSequence(new int[] {0}, 1);
    batch.add(2, 0, s, true);
    batch.add(0, 1, s, false);
    batch.add(1, 2, s, true);
    return batch;
  }

  @Test
  void decodesWithFewerWorkers() {
    try (Arena arena = Arena.ofConfined();
        NativeExecutor executor = NativeExecutor.create(Isa.pick(), 4, 3)) {
      assertEquals(4, executor.workers());
      assertEquals(3, executor.decodeWorkers());
      var limits = new Limits(17, 17, 1, 64, 3);
      var cache = new KvCache(executor, KV, 1, arena);
      Plan plan = lookup(arena);
      try (ExecutablePlan executable = executor.prepare(plan, limits, cache)) {
        for (int tokens : new int[] {1, 16, 17}) {
          var batch = new Batch(limits, arena);
          int s = batch.addSequence(new int[] {0}, 1);
          for (int i = 0; i < tokens; i++) {
            batch.add(i % 3, i, s, true);
          }
          executable.run(batch);
          MemorySegment rows = executable.data(plan.buffer("chosen"));
          for (int i = 0; i < tokens; i++) {
            assertEquals(i % 3 * 10 + 5, rows.getAtIndex(JAVA_FLOAT, i * 8L + 5));
          }
        }
      }
    }
  }

  @Test
  void rejectsMoreWorkersThatDecode() {
    assertThrows(IllegalArgumentException.class, () -> NativeExecutor.create(Isa.pick(), 2, 3));
    assertThrows(IllegalArgumentException.class, () -> NativeExecutor.create(Isa.pick(), 2, 0));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 8})
  void runsPlan(int workers) {
    for (Isa isa : Isa.usableHere()) {
      try (Arena arena = Arena.ofConfined();
          NativeExecutor executor = NativeExecutor.create(isa, workers)) {
        assertEquals("native " + isa.label(), executor.name());
        var cache = new KvCache(executor, KV, 1, arena);
        Plan plan = lookup(arena);
        Buffer chosen = plan.buffer("chosen");
        try (ExecutablePlan executable = executor.prepare(plan, LIMITS, cache)) {
          executable.run(batch(arena, LIMITS));
          MemorySegment rows = executable.data(chosen);
          assertEquals(23, rows.getAtIndex(JAVA_FLOAT, 3));
          assertEquals(13, rows.getAtIndex(JAVA_FLOAT, 8 + 3));
        }
      }
    }
  }

  /** Prints the default number of workers. */
  static final class Workers {
    private Workers() {}

    public static void main(String[] arguments) {
      System.out.print(NativeExecutor.defaultWorkers());
    }
  }

  @Test
  void defaultWorkers_atMostProcessorsOfTheJvm(@TempDir Path cache) throws IOException {
    String[] options = {
      "--enable-native-access=ALL-UNNAMED",
      "-D" + NativeLibrary.PROPERTY + "=" + NativeLibrary.load(),
      "-XX:ActiveProcessorCount=1"
    };
    assertEquals("1", Program.run(cache, Workers.class, List.of(), options));
  }

  @Test
  void misuse_throws() {
    try (Arena arena = Arena.ofConfined()) {
      NativeExecutor executor = NativeExecutor.create(Isa.SCALAR, 2);
      var cache = new KvCache(executor, KV, 1, arena);
      ExecutablePlan executable = executor.prepare(lookup(arena), LIMITS, cache);
      Batch other = batch(arena, new Limits(5, 2, 1, 64, 3));
      assertThrows(IllegalArgumentException.class, () -> executable.run(other));
      Batch batch = batch(arena, LIMITS);
      assertThrows(NativeException.class, () -> executable.run(batch, 1, 0));
      assertThrows(NativeException.class, () -> executable.run(batch, 0, 3));
      executor.close();
      executor.close();
      assertThrows(IllegalStateException.class, () -> executable.run(batch));
      executable.close();
      executable.close();
      assertThrows(IllegalStateException.class, () -> executable.run(batch));
    }
    assertThrows(IllegalArgumentException.class, () -> NativeExecutor.create(Isa.SCALAR, 0));
    assertThrows(IllegalArgumentException.class, () -> NativeExecutor.create(Isa.SCALAR, 1025));
  }

  /** Returns the lookup plan followed by a gradient seed. */
  private static Plan seeded(Arena arena, MemorySegment seed) {
    Plan plan = lookup(arena);
    return plan.then(new BackwardOp.Seed(seed, new Buffer("seeded", Rows.LOGITS, 8)));
  }

  @Test
  void rejectsCacheOfAnotherShape() {
    try (Arena arena = Arena.ofConfined();
        NativeExecutor executor = NativeExecutor.create(Isa.SCALAR, 1)) {
      var cache = new KvCache(executor, new KvShape(1, 1, 16), 1, arena);
      Plan plan = lookup(arena);
      assertThrows(
          IllegalArgumentException.class, () -> executor.prepare(plan, LIMITS, cache).close());
    }
  }

  @Test
  void rejectsSeedWithTooFewRows() {
    try (Arena arena = Arena.ofConfined();
        NativeExecutor executor = NativeExecutor.create(Isa.SCALAR, 1)) {
      var cache = new KvCache(executor, KV, 1, arena);
      Plan enough = seeded(arena, executor.allocate(2 * 8 * Float.BYTES, arena));
      executor.prepare(enough, LIMITS, cache).close();
      Plan tooFew = seeded(arena, executor.allocate(8 * Float.BYTES, arena));
      assertThrows(
          IllegalArgumentException.class, () -> executor.prepare(tooFew, LIMITS, cache).close());
    }
  }

  /** The memory of weights, the cache, seeds and the batch. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void closedMemory_throws(int closed) {
    List<String> names = List.of("memory of table", "key-value cache", "memory of values", "batch");
    List<Arena> arenas = Stream.generate(Arena::ofShared).limit(names.size()).toList();
    try (NativeExecutor executor = NativeExecutor.create(Isa.SCALAR, 2)) {
      Plan lookup = lookup(arenas.get(0));
      var cache = new KvCache(executor, KV, 1, arenas.get(1));
      MemorySegment seed = executor.allocate(2 * 8 * Float.BYTES, arenas.get(2));
      List<Op> ops = new ArrayList<>(lookup.ops());
      ops.add(new SequenceOp.KvStore(0, lookup.buffer("rows"), lookup.buffer("rows")));
      ops.add(new BackwardOp.Seed(seed, new Buffer("seeded", Rows.LOGITS, 8)));
      try (ExecutablePlan executable =
          executor.prepare(new Plan(ops, KV, Set.of()), LIMITS, cache)) {
        Batch batch = batch(arenas.get(3), LIMITS);
        executable.run(batch);
        arenas.get(closed).close();
        Exception e = assertThrows(IllegalStateException.class, () -> executable.run(batch));
        assertTrue(String.valueOf(e.getMessage()).contains(names.get(closed)), e.getMessage());
      }
    } finally {
      arenas.stream().filter(arena -> arena.scope().isAlive()).forEach(Arena::close);
    }
  }

  @Test
  void close_waitsForRunningStepAndFailsTheNext() throws InterruptedException {
    try (Arena arena = Arena.ofShared()) {
      for (int round = 0; round < 20; round++) {
        NativeExecutor executor = NativeExecutor.create(Isa.SCALAR, 2);
        var cache = new KvCache(executor, KV, 1, arena);
        ExecutablePlan executable = executor.prepare(lookup(arena), LIMITS, cache);
        Batch batch = batch(arena, LIMITS);
        var started = new CountDownLatch(1);
        var ended = new AtomicReference<@Nullable String>();
        Thread runs =
            Thread.ofPlatform()
                .start(
                    () -> {
                      try {
                        while (true) {
                          executable.run(batch);
                          started.countDown();
                        }
                      } catch (IllegalStateException e) {
                        ended.set(e.getMessage());
                      }
                    });
        started.await();
        executor.close();
        runs.join();
        assertEquals("the executor is closed", ended.get());
        executable.close();
      }
    }
  }

  @Test
  void rejectsBlockOutsideTheCache() {
    try (Arena arena = Arena.ofConfined();
        NativeExecutor executor = NativeExecutor.create(Isa.SCALAR, 1)) {
      var cache = new KvCache(executor, KV, 1, arena);
      try (ExecutablePlan executable = executor.prepare(lookup(arena), LIMITS, cache)) {
        var batch = new Batch(LIMITS, arena);
        int s = batch.addSequence(new int[] {1}, 1);
        batch.add(0, 0, s, false);
        Exception e = assertThrows(NativeException.class, () -> executable.run(batch));
        assertTrue(String.valueOf(e.getMessage()).contains("VD_OUT_OF_RANGE"), e.getMessage());
      }
    }
  }

  @Test
  void allocatesZeroedAlignedMemory() {
    try (NativeExecutor executor = NativeExecutor.create(Isa.SCALAR, 1)) {
      MemorySegment leaked;
      try (Arena arena = Arena.ofConfined()) {
        for (long bytes : new long[] {1, 64, 4097, (2 << 20) - 1, 2 << 20, (5 << 20) + 3}) {
          MemorySegment memory = executor.allocate(bytes, arena);
          assertEquals(0, memory.address() % 64);
          assertEquals(bytes, memory.byteSize());
          assertEquals(-1, memory.mismatch(arena.allocate(bytes)));
          memory.fill((byte) 1);
        }
        leaked = executor.allocate(8, arena);
      }
      assertThrows(IllegalStateException.class, () -> leaked.getAtIndex(JAVA_FLOAT, 0));
    }
  }

  @Test
  void pack_wrongSizes_throws() {
    try (Arena arena = Arena.ofConfined();
        NativeExecutor executor = NativeExecutor.create(Isa.SCALAR, 1)) {
      MemorySegment source = arena.allocate(17 * WeightType.Q8_0.bytes(64));
      MemorySegment packed = arena.allocate(Packing.bytes(WeightType.Q8_0, 17, 64), 64);
      executor.pack(WeightType.Q8_0, 17, 64, source, packed);
      assertThrows(
          IllegalArgumentException.class,
          () -> executor.pack(WeightType.Q8_0, 18, 64, source, packed));
      assertThrows(
          IllegalArgumentException.class,
          () -> executor.pack(WeightType.Q8_0, 17, 64, source, source));
    }
  }
}
