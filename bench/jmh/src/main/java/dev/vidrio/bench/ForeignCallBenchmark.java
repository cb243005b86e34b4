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
 * The overhead of native calls: a downcall that does almost nothing, and plans of tiny operations.
 * The difference between plans of one and of many operations is the overhead per operation.
 */
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class ForeignCallBenchmark extends Protocol {
  private static final int WIDTH = 16;

  /** Loads the library. */
  @Setup
  public void load() {
    NativeLibrary.load();
  }

  /** Calls a function that returns the name of a status. */
  @Benchmark
  public MemorySegment statusName() {
    return Vidrio.vd_status_name(0);
  }

  /** Runs a plan by one downcall. */
  @Benchmark
  public void plan(Chain chain) {
    chain.slice.run();
  }

  /** A plan of additions of {@value #WIDTH} floats, each dependent on the previous one. */
  @State(Scope.Benchmark)
  public static class Chain {
    /** The number of operations. */
    @Param({"1", "100"})
    public int ops;

    /** Native workers. */
    @Param({"1", "2"})
    public int threads;

    private PlanSlice slice;

    /** Creates the plan and checks the sum. */
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

    /** Frees all memory. */
    @TearDown
    public void close() {
      slice.close();
    }
  }
}
