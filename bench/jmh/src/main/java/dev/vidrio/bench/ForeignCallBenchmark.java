package dev.vidrio.bench;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.ffm.NativeLibrary;
import dev.vidrio.kernel.op.Buffer;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * What the way into native code costs: a call that does next to nothing, and plans whose operations
 * do. The difference between a plan of one and of many operations is what an operation costs.
 */
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class ForeignCallBenchmark extends Protocol {
  private static final int WIDTH = 16;

  /** Loads the library. */
  @Setup
  public void load() {
    NativeLibrary.load();
  }

  /** One downcall that returns the name of a status. */
  @Benchmark
  public MemorySegment statusName() {
    return Vidrio.vd_status_name(0);
  }

  /** One downcall that runs a plan. */
  @Benchmark
  public void plan(Chain chain) {
    chain.slice.run();
  }

  /** A plan of additions of {@value #WIDTH} floats, each of which waits for the one before. */
  @State(Scope.Benchmark)
  public static class Chain {
    /** Number of operations. */
    @Param({"1", "100"})
    public int ops;

    /** Native workers. */
    @Param({"1", "2"})
    public int threads;

    private PlanSlice slice;

    /** Makes the plan and checks the sum. */
    @Setup
    public void open() {
      slice = new PlanSlice(NativeExecutor.create(Isa.pick(), threads), this::work);
    }

    private PlanSlice.Work work(Inputs inputs) {
      var plan = new PlanBuilder(new KvShape(1, 1, 1));
      Buffer x = plan.embed("x", inputs.table(WIDTH));
      Buffer sum = x;
      for (int i = 0; i < ops; i++) {
        sum = plan.add("sum" + i, sum, x);
      }
      return new PlanSlice.Work(plan.build(), 1, 1 + ops, 1, 0);
    }

    /** Frees everything. */
    @TearDown
    public void close() {
      slice.close();
    }
  }
}
