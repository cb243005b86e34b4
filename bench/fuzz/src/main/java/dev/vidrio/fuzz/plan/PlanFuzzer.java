package dev.vidrio.fuzz.plan;

import dev.vidrio.kernel.op.Op;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Runs random plans on executors until a time or a number of plans is reached, and reports the
 * operations and types that ran, and findings. bench/fuzz/plans.sh starts it.
 */
public final class PlanFuzzer {
  /** The number of plans for each that has a randomly changed operation, valid or not. */
  private static final int MUTATED = 8;

  /** The number of plans for each that runs on all executors; odd, for changed ones too. */
  private static final int EVERYWHERE = 61;

  /** The time between two lines that report progress. */
  private static final long PROGRESS_NANOS = 60_000_000_000L;

  private static final int MAX_FINDINGS = 10;

  private final CaseGenerator generator;
  private final Examples examples;
  private final Map<String, Integer> counts = new TreeMap<>();
  private final Map<String, TreeSet<String>> types = new TreeMap<>();
  private final List<String> findings = new ArrayList<>();
  private volatile boolean stopped;
  private long plans;
  private long refused;

  PlanFuzzer(Examples examples) {
    this.examples = examples;
    this.generator = new CaseGenerator(examples);
  }

  /**
   * Runs plans.
   *
   * @param args the first seed, the number of plans, the time in seconds, and a directory for the
   *     seed that is running, in a file with this process's number; it is left if the JVM dies
   * @throws IOException if the directory cannot be written
   */
  public static void main(String... args) throws IOException {
    long seed = Long.parseLong(args[0]);
    long count = Long.parseLong(args[1]);
    long deadline = System.nanoTime() + Math.multiplyExact(Long.parseLong(args[2]), 1_000_000_000L);
    var fuzzer = new PlanFuzzer(new Examples(Examples.SHAPES));
    Path directory = Files.createDirectories(Path.of(args[3]));
    Path seedFile = directory.resolve("running-" + ProcessHandle.current().pid());
    var reported = new CountDownLatch(1);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> fuzzer.stop(reported)));
    try (FileChannel file =
            FileChannel.open(
                seedFile,
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE);
        var differential = new Differential()) {
      MappedByteBuffer running = file.map(FileChannel.MapMode.READ_WRITE, 0, Long.BYTES);
      long shown = System.nanoTime();
      for (long i = 0; i < count && System.nanoTime() < deadline && !fuzzer.stopped; i++) {
        running.putLong(0, seed + i);
        fuzzer.run(seed + i, differential);
        if (System.nanoTime() - shown > PROGRESS_NANOS) {
          shown = System.nanoTime();
          System.err.printf(
              "plans %d, findings %d; next seed %d%n", i + 1, fuzzer.findings.size(), seed + i + 1);
        }
        if (fuzzer.findings.size() == MAX_FINDINGS) {
          break;
        }
      }
      fuzzer.report(System.out, differential);
    }
    Files.delete(seedFile);
    for (String finding : fuzzer.findings) {
      String name = "seed-" + finding.substring(5, finding.indexOf(':'));
      Files.writeString(directory.resolve(name), finding + "\n");
      System.out.println(finding);
    }
    reported.countDown();
    if (!fuzzer.findings.isEmpty()) {
      System.exit(1);
    }
  }

  /** Lets a run that is interrupted report what it has done. */
  private void stop(CountDownLatch reported) {
    stopped = true;
    try {
      var _ = reported.await(10, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Returns descriptions of the findings. */
  List<String> findings() {
    return findings;
  }

  /** Runs the plan of a seed. */
  void run(long seed, Differential differential) {
    boolean mutated = Math.floorMod(seed, MUTATED) == MUTATED - 1;
    try (Arena arena = Arena.ofShared()) {
      plans++;
      PlanCase example = example(seed, mutated, arena);
      if (example == null) {
        refused++;
        return;
      }
      Differential.Finding finding =
          differential.check(example, Math.floorMod(seed, EVERYWHERE) == 0);
      if (finding == null) {
        count(example);
        return;
      }
      add(seed, Description.of(Shrinker.shrink(differential, finding)));
    } catch (RuntimeException | Error e) {
      add(seed, trace(e));
    } finally {
      Matrices.trim();
    }
  }

  private void add(long seed, String description) {
    findings.add("seed " + seed + ": " + description);
    System.err.println("finding: seed " + seed);
  }

  /** Returns the case of a seed, or null if its plan is invalid, as changed ones may be. */
  private @Nullable PlanCase example(long seed, boolean mutated, Arena arena) {
    try {
      return generator.generate(seed, mutated, arena);
    } catch (IllegalArgumentException e) {
      if (mutated) {
        return null;
      }
      throw e;
    }
  }

  private static String trace(Throwable e) {
    List<String> lines = new ArrayList<>(List.of(e.toString()));
    for (StackTraceElement frame : e.getStackTrace()) {
      lines.add("  at " + frame);
    }
    return String.join("\n", lines.subList(0, Math.min(12, lines.size())));
  }

  private void count(PlanCase example) {
    for (Op op : example.plan().ops()) {
      String name = name(op.getClass());
      counts.merge(name, 1, Integer::sum);
      Layouts.types(op).forEach(t -> types.computeIfAbsent(name, n -> new TreeSet<>()).add(t));
    }
  }

  /** Returns a name such as {@code ExpertOp.Route}. */
  static String name(Class<?> op) {
    return op.getName().substring(op.getPackageName().length() + 1).replace('$', '.');
  }

  private void report(PrintStream out, Differential differential) {
    out.printf("plans %12d, %d of them refused%n", plans, refused);
    differential.runs().forEach((kind, runs) -> out.printf("  %-32s %9d runs%n", kind, runs));
    out.printf(
        "operations %7d of %d; %.0f %% of activations finite and compared%n",
        counts.size(),
        examples.classes().size(),
        100 * differential.compared() / Math.max(1, plans - refused));
    counts.forEach(
        (name, count) -> {
          TreeSet<String> of = types.getOrDefault(name, new TreeSet<>());
          out.printf(
              "  %-32s %9d%s%n",
              name, count, of.isEmpty() ? "" : "  " + of.size() + " quantized types");
        });
    out.println("findings " + findings.size());
  }
}
