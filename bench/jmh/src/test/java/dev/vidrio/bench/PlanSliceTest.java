package dev.vidrio.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class PlanSliceTest {
  private static final int WIDTH = 16;
  private static final int TOKENS = 20;

  @Test
  void detectsOneWrongBitInLastRow() {
    var wrong = new OffByOneUlp(TOKENS - 1, 3);
    var error =
        assertThrows(
            IllegalStateException.class,
            () -> {
              try (var slice = new PlanSlice(wrong, PlanSliceTest::doubled)) {
                slice.run();
              }
            });
    String message = String.valueOf(error.getMessage());
    String expected = "wrong, row 19 differs from the scalar executor at element 3: ";
    assertTrue(message.startsWith(expected), message);
    wrong.close();
  }

  @Test
  void runsOnlyMeasuredOperations() {
    var counting = new OffByOneUlp(0, -1);
    try (var slice = new PlanSlice(counting, PlanSliceTest::doubled)) {
      counting.begin = 0;
      slice.run();
      assertEquals(1, counting.begin);
      assertEquals(2, counting.end);
    }
  }

  private static PlanSlice.Work doubled(Inputs inputs) {
    var plan = new PlanBuilder(new KvShape(1, 1, 1));
    Buffer x = plan.embed("x", inputs.table(WIDTH));
    plan.add("y", x, x);
    return PlanSlice.Work.last(plan.build(), TOKENS);
  }

  /** The scalar executor with one element of y replaced by the next larger float; −1 for none. */
  private static final class OffByOneUlp implements Executor {
    private final JavaExecutor right = JavaExecutor.scalar(1);
    private final int row;
    private final int element;
    private int begin;
    private int end;

    OffByOneUlp(int row, int element) {
      this.row = row;
      this.element = element;
    }

    @Override
    public String name() {
      return "wrong";
    }

    @Override
    public int workers() {
      return right.workers();
    }

    @Override
    public MemorySegment allocate(long bytes, Arena arena) {
      return right.allocate(bytes, arena);
    }

    @Override
    public void pack(WeightType type, int n, int k, MemorySegment source, MemorySegment packed) {
      right.pack(type, n, k, source, packed);
    }

    @Override
    public ExecutablePlan prepare(Plan plan, Limits limits, KvCache cache) {
      ExecutablePlan prepared = right.prepare(plan, limits, cache);
      return new ExecutablePlan() {
        @Override
        public Plan plan() {
          return prepared.plan();
        }

        @Override
        public Limits limits() {
          return prepared.limits();
        }

        @Override
        public void run(Batch batch, int from, int to) {
          begin = from;
          end = to;
          prepared.run(batch, from, to);
          if (element >= 0) {
            MemorySegment y = prepared.data(plan.buffer("y"));
            long i = (long) row * WIDTH + element;
            y.setAtIndex(JAVA_FLOAT, i, Math.nextUp(y.getAtIndex(JAVA_FLOAT, i)));
          }
        }

        @Override
        public MemorySegment data(Buffer buffer) {
          return prepared.data(buffer);
        }

        @Override
        public void close() {
          prepared.close();
        }
      };
    }

    @Override
    public void close() {
      right.close();
    }
  }
}
