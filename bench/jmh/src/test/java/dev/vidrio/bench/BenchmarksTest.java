package dev.vidrio.bench;

import static java.util.stream.Collectors.toSet;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.runner.BenchmarkList;
import org.openjdk.jmh.runner.BenchmarkListEntry;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.format.OutputFormatFactory;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Runs every benchmark once, on tiny shapes, to check its result. */
@Tag("exhaustive")
class BenchmarksTest {
  @Test
  void benchmarks_equalScalarBits() throws RunnerException {
    var options =
        new OptionsBuilder()
            .forks(0)
            .mode(Mode.SingleShotTime)
            .warmupIterations(0)
            .measurementIterations(1)
            .param("threads", "2")
            .param("executor", Executors.usable().toArray(String[]::new))
            .param("model", "tiny")
            .param("type", "Q6_K", "F32", "F16", "Q4_1", "Q8_0") // of each kind one
            .param("tokens", "11", "1")
            .param("depth", "300", "0")
            .param("prompt", "4")
            .param("generated", "2")
            .shouldFailOnError(true)
            .verbosity(VerboseMode.SILENT)
            .build();
    Set<String> run =
        new Runner(options)
            .run().stream().map(result -> result.getParams().getBenchmark()).collect(toSet());
    assertEquals(all(), run);
    assertFalse(run.isEmpty());
  }

  private static Set<String> all() {
    var silent = OutputFormatFactory.createFormatInstance(System.out, VerboseMode.SILENT);
    return BenchmarkList.defaultList().getAll(silent, List.of()).stream()
        .map(BenchmarkListEntry::getUsername)
        .collect(toSet());
  }
}
