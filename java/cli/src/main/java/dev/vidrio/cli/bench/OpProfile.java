package dev.vidrio.cli.bench;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.Units;
import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.pass.GatherHoisting;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The time of a step by kind of operation. Runs the plan one operation at a time; the overhead of
 * some microseconds per operation does not occur in a whole step, so that shares are those of the
 * kernels, not of the step.
 */
final class OpProfile {
  private static final int REPETITIONS = 10;

  /**
   * Operations of one kind in one step.
   *
   * @param step {@code prompt} or {@code generation}
   * @param kind the operation, with the weight type of matrix products
   * @param seconds time in one step
   * @param share share of the step's time
   * @param work their total work, {@link OpWork#NONE} if it is not counted
   * @param peak the share of the machine's peak; null if unknown
   */
  record Line(
      String step,
      String kind,
      double seconds,
      double share,
      OpWork work,
      Peaks.@Nullable Share peak) {
    double bytesPerSecond() {
      return work.bytes() / seconds;
    }

    double opsPerSecond() {
      return work.operations() / seconds;
    }

    JsonObject toJson() {
      JsonObject json =
          new JsonObject()
              .with("step", step)
              .with("kind", kind)
              .with("seconds", seconds)
              .with("share", share)
              .with("bytes_per_second", bytesPerSecond())
              .with("ops_per_second", opsPerSecond());
      if (peak != null) {
        json.with("share_of_peak", peak.fraction()).with("peak", peak.limit());
      }
      return json;
    }
  }

  /** Sums over operations of a kind. */
  private static final class Total {
    long nanos;
    OpWork work = OpWork.NONE;
  }

  private OpProfile() {}

  /**
   * Profiles a prompt chunk of {@code prompt} tokens at position {@code depth}, and the next token.
   */
  static List<Line> measure(
      Model model, SessionOptions options, @Nullable Peaks peaks, int prompt, int depth) {
    Plan whole = model.architecture().plan().in(options.arithmetic());
    Plan plan = new GatherHoisting().apply(whole);
    KvType kv = options.kvType();
    var limits = new Limits(prompt, 1, 1, depth + prompt + 1, model.architecture().vocabulary());
    try (Arena arena = Arena.ofShared()) {
      var cache =
          new KvCache(
              model.executor(), plan.kv(), kv, KvCache.blocksFor(limits.positions()), 1, arena);
      var blocks = new int[cache.blocks()];
      for (int i = 0; i < blocks.length; i++) {
        blocks[i] = cache.acquire();
      }
      var batch = new Batch(limits, arena);
      List<Line> lines = new ArrayList<>();
      try (ExecutablePlan executable = model.executor().prepare(plan, limits, cache)) {
        int slot = cache.acquireSlot();
        fill(batch, blocks, slot, depth, prompt);
        lines.addAll(measure("prompt", executable, batch, kv, peaks));
        fill(batch, blocks, slot, depth + prompt, 1);
        lines.addAll(measure("generation", executable, batch, kv, peaks));
      }
      return lines;
    }
  }

  private static void fill(Batch batch, int[] blocks, int slot, int position, int count) {
    batch.clear();
    int sequence = batch.addSequence(blocks, blocks.length, slot);
    for (int i = 0; i < count; i++) {
      batch.add(i % batch.limits().vocabulary(), position + i, sequence, i == count - 1);
    }
  }

  private static List<Line> measure(
      String step, ExecutablePlan executable, Batch batch, KvType kv, @Nullable Peaks peaks) {
    Map<String, Total> best = new LinkedHashMap<>();
    for (int i = 0; i < REPETITIONS; i++) {
      Map<String, Total> once = runOnce(executable, batch, kv);
      once.forEach((kind, total) -> best.merge(kind, total, (a, b) -> a.nanos <= b.nanos ? a : b));
    }
    double all = best.values().stream().mapToDouble(total -> total.nanos / 1e9).sum();
    List<Line> lines = new ArrayList<>();
    best.forEach(
        (kind, total) -> {
          double seconds = total.nanos / 1e9;
          Peaks.Share peak =
              peaks == null || total.work.equals(OpWork.NONE)
                  ? null
                  : peaks.share(total.work, seconds);
          lines.add(new Line(step, kind, seconds, seconds / all, total.work, peak));
        });
    return lines;
  }

  private static Map<String, Total> runOnce(ExecutablePlan executable, Batch batch, KvType kv) {
    Map<String, Total> totals = new LinkedHashMap<>();
    List<Op> ops = executable.plan().ops();
    for (int i = 0; i < ops.size(); i++) {
      long start = System.nanoTime();
      executable.run(batch, i, i + 1);
      long nanos = System.nanoTime() - start;
      Total total = totals.computeIfAbsent(kind(ops.get(i)), kind -> new Total());
      total.nanos += nanos;
      total.work = total.work.plus(OpWork.of(ops.get(i), batch, executable.plan().kv(), kv));
    }
    return totals;
  }

  private static String kind(Op op) {
    String kind = op.getClass().getSimpleName().toLowerCase(Locale.ROOT);
    return switch (op) {
      case Op.MatMul product -> kind + " " + typeName(product.weights().type());
      case ExpertOp.ExpertMatMul product -> kind + " " + typeName(product.type());
      default -> kind;
    };
  }

  private static String typeName(WeightType type) {
    return type.name().toLowerCase(Locale.ROOT);
  }

  static void print(List<Line> lines) {
    System.out.printf(
        "%n%-11s %-19s %10s %7s %12s %12s  %s%n",
        "step", "operation", "ms", "share", "reads", "int/float", "of the machine's peak");
    for (Line line : lines) {
      System.out.printf(
          "%-11s %-19s %10.3f %5.1f %% %12s %12s  %s%n",
          line.step,
          line.kind,
          1e3 * line.seconds,
          100 * line.share,
          line.work.bytes() == 0 ? "" : Units.perSecond(line.bytesPerSecond(), "B"),
          line.work.operations() == 0 ? "" : Units.perSecond(line.opsPerSecond(), "op"),
          line.peak == null ? "" : line.peak);
    }
  }
}
