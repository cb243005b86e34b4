package dev.vidrio.bench;

import dev.vidrio.kernel.Executor;
import org.openjdk.jmh.annotations.Param;

/** A benchmark of equal work on each executor. */
public abstract class ByExecutor extends Protocol {
  /** The executor; {@link Main} skips those that the machine does not support. */
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

  /** Creates the executor of the parameters. */
  final Executor createExecutor() {
    return Executors.create(executor, threads);
  }
}
