package dev.vidrio.bench;

import dev.vidrio.kernel.Executor;
import org.openjdk.jmh.annotations.Param;

/** A benchmark of the same work on each executor. */
public abstract class ByExecutor extends Protocol {
  /** What runs the plan; {@link Main} leaves out those that the machine cannot run. */
  @Param({
    "native-scalar",
    "native-avx2",
    "native-avx_vnni",
    "native-avx512_vnni",
    "native-amx_int8",
    "native-neon",
    "native-dotprod",
    "native-i8mm",
    "vector",
    "scalar"
  })
  public String executor;

  /** Workers of the executor. */
  @Param({"1", "2"})
  public int threads;

  /** Starts the executor that the parameters describe. */
  final Executor createExecutor() {
    return Executors.create(executor, threads);
  }
}
