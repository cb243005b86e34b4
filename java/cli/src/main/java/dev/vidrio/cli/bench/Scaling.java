package dev.vidrio.cli.bench;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.execution.StepBalance;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.pass.GatherHoisting;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * How speed grows with the number of threads, and where generation loses time against threads that
 * would not disturb each other.
 *
 * @see "docs/scaling.md"
 */
final class Scaling {
  private static final int REPETITIONS = 20;

  private Scaling() {}

  /**
   * The measurements with a number of threads.
   *
   * @param runSeconds the shortest run of one operation: the start of the workers, and two barriers
   */
  record Point(
      int threads,
      Peaks peaks,
      List<SpeedTest.Result> results,
      StepBalance balance,
      double runSeconds) {}

  /**
   * A test with a number of threads, relative to the first number. Losses are shares of the time.
   *
   * @param efficiency speedup by the ratio of threads
   * @param imbalance lost since shares of weights differ, by count
   * @param barriers lost in barriers
   * @param bandwidth lost since the threads read more slowly together
   */
  record Line(
      int threads,
      String test,
      double tokensPerSecond,
      double efficiency,
      double imbalance,
      double barriers,
      double bandwidth) {
    double other() {
      return Math.max(0, 1 - efficiency - imbalance - barriers - bandwidth);
    }

    JsonObject toJson() {
      return new JsonObject()
          .with("threads", threads)
          .with("test", test)
          .with("tokens_per_second", tokensPerSecond)
          .with("efficiency", efficiency)
          .with("lost_to_imbalance", imbalance)
          .with("lost_to_barriers", barriers)
          .with("lost_to_bandwidth", bandwidth)
          .with("lost_otherwise", other());
    }
  }

  /** Measures the division of a step of {@code sequences} tokens, and the cost of a run. */
  static Point measure(
      Model model,
      SessionOptions options,
      Peaks peaks,
      int sequences,
      List<SpeedTest.Result> results) {
    Plan plan = new GatherHoisting().apply(model.architecture().plan().in(options.arithmetic()));
    var limits = new Limits(1, 1, 1, 1, model.architecture().vocabulary());
    int threads = model.executor().workers();
    try (Arena arena = Arena.ofShared()) {
      var cache = new KvCache(model.executor(), plan.kv(), options.kvType(), 1, 1, arena);
      var batch = new Batch(limits, arena);
      try (ExecutablePlan prepared = model.executor().prepare(plan, limits, cache)) {
        int slot = cache.acquireSlot();
        batch.add(0, 0, batch.addSequence(new int[] {cache.acquire()}, 1, slot), true);
        int few = Math.min(sequences, NativeExecutor.FEW_TOKENS);
        StepBalance balance =
            model.executor() instanceof NativeExecutor executor
                ? NativeExecutor.balance(prepared, few, executor.decodeWorkers(), executor.nodes())
                : NativeExecutor.balance(prepared, few, threads, 1);
        return new Point(threads, peaks, results, balance, shortestRun(prepared, batch));
      }
    }
  }

  /** Returns the seconds of the shortest run of one operation. */
  private static double shortestRun(ExecutablePlan plan, Batch batch) {
    long shortest = Long.MAX_VALUE;
    for (int repetition = 0; repetition < REPETITIONS; repetition++) {
      for (int i = 0; i < plan.plan().ops().size(); i++) {
        long start = System.nanoTime();
        plan.run(batch, i, i + 1);
        shortest = Math.min(shortest, System.nanoTime() - start);
      }
    }
    return shortest / 1e9;
  }

  /** Returns the lines of all points; the first point is the reference. */
  static List<Line> lines(List<Point> points, int sequences) {
    List<Line> lines = new ArrayList<>();
    Point first = points.getFirst();
    for (Point point : points) {
      for (int i = 0; i < point.results.size(); i++) {
        lines.add(line(first, point, first.results.get(i), point.results.get(i), sequences));
      }
    }
    return lines;
  }

  private static Line line(
      Point first, Point point, SpeedTest.Result reference, SpeedTest.Result result, int tokens) {
    double seconds = tokens / result.mean();
    double ideal = tokens / reference.mean() * first.threads / point.threads;
    boolean generates = result.workPerToken().bytes() > 0;
    double barrier = Math.max(0, point.runSeconds - first.runSeconds) / 2;
    double reading = tokens * result.workPerToken().bytes() / point.peaks.read();
    double imbalance = ideal * (1 / point.balance.efficiency() - 1);
    return new Line(
        point.threads,
        result.test(),
        result.mean(),
        ideal / seconds,
        generates ? imbalance / seconds : 0,
        generates ? point.balance.barriers() * barrier / seconds : 0,
        generates ? Math.max(0, Math.min(seconds, reading) - ideal) / seconds : 0);
  }

  static void print(List<Line> lines) {
    System.out.printf(
        "%n%-8s %-14s %12s %11s   %s%n",
        "threads",
        "test",
        "tokens/s",
        "efficiency",
        "lost to imbalance, barriers, bandwidth, other");
    for (Line line : lines) {
      System.out.printf(
          "%-8d %-14s %12.2f %9.0f %%   %15.0f %% %7.0f %% %8.0f %% %4.0f %%%n",
          line.threads,
          line.test,
          line.tokensPerSecond,
          100 * line.efficiency,
          100 * line.imbalance,
          100 * line.barriers,
          100 * line.bandwidth,
          100 * line.other());
    }
  }
}
