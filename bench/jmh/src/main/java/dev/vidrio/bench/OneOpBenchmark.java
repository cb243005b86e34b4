package dev.vidrio.bench;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/** A benchmark of one operation at the shapes of real models. */
public abstract class OneOpBenchmark extends ByExecutor {
  /** A file of {@code bench/shapes}. */
  @Param({"bard", "smollm2-135m", "gemma-3-270m", "qwen2.5-0.5b", "llama-3.2-1b", "qwen2.5-7b"})
  public String model;

  private PlanSlice slice;

  /** Returns the work to measure. */
  abstract PlanSlice.Work work(Shape shape, Inputs inputs);

  /** Creates the inputs and checks the result. */
  @Setup
  public void open() {
    slice = new PlanSlice(createExecutor(), inputs -> work(Shape.of(model), inputs));
  }

  /** Runs the operation. */
  @Benchmark
  public void run() {
    slice.run();
  }

  /** Frees all memory. */
  @TearDown
  public void close() {
    slice.close();
  }
}
