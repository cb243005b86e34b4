package dev.vidrio.cli;

import dev.vidrio.cli.bench.Machine;
import dev.vidrio.cli.bench.Peaks;
import dev.vidrio.cli.bench.TopologyFacts;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.Units;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeException;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.ffm.NativeLibrary;
import dev.vidrio.kernel.ffm.Platform;
import dev.vidrio.kernel.ffm.Topology;
import dev.vidrio.kernel.ffm.WorkerCount;
import dev.vidrio.kernel.host.CacheDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vidrio doctor}. */
@Command(
    name = "doctor",
    description = "Checks this machine: its hardware, problems, and how to fix them.")
final class DoctorCommand implements Callable<Integer> {
  private static final String HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage/enabled";
  private static final Runtime.Version NEEDED = Runtime.Version.parse("25.0.3");

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  private final Map<String, Object> facts = new LinkedHashMap<>();
  private final List<String> problems = new ArrayList<>();

  @Override
  public Integer call() {
    java();
    memory();
    cache();
    nativeLibrary();
    facts.put("problems", problems);
    if (json) {
      Json.print(facts);
    } else {
      facts.forEach(DoctorCommand::print);
      System.out.println(problems.isEmpty() ? "no problems found" : "");
      problems.forEach(problem -> System.out.println("problem: " + problem));
    }
    return problems.isEmpty() ? 0 : 1;
  }

  private void java() {
    facts.put("jdk", Runtime.version() + " at " + System.getProperty("java.home"));
    if (Runtime.version().compareToIgnoreOptional(NEEDED) < 0) {
      problems.add(
          "the JDK is older than " + NEEDED + ": install a newer one and set JAVA_HOME to it");
    }
    facts.put("platform", Platform.current().name());
    facts.put("cpu", Machine.cpu());
  }

  private void memory() {
    var bean = java.lang.management.ManagementFactory.getOperatingSystemMXBean();
    if (bean instanceof com.sun.management.OperatingSystemMXBean system) {
      facts.put("memory_bytes", system.getTotalMemorySize());
      facts.put("memory_free_bytes", system.getFreeMemorySize());
    }
    String huge = Machine.firstLine(HUGE_PAGES, "unknown");
    facts.put("huge_pages", huge);
    if (huge.contains("[never]")) {
      problems.add("transparent huge pages are off: echo madvise > " + HUGE_PAGES);
    }
  }

  private void cache() {
    facts.put("cache", CacheDirectory.root().toString());
    try {
      Files.createDirectories(CacheDirectory.root());
      Files.delete(Files.createTempFile(CacheDirectory.root(), "doctor", ".tmp"));
    } catch (IOException e) {
      problems.add(
          "the cache cannot be written (" + InputOutput.reason(e) + "): set VIDRIO_HOME elsewhere");
    }
  }

  private void nativeLibrary() {
    try {
      facts.put("native_library", NativeLibrary.load().toString());
      facts.put("isas", Isa.usableHere().stream().map(Isa::label).toList());
      Topology topology = Topology.read();
      facts.put(
          "topology",
          json
              ? TopologyFacts.toJson(topology)
              : String.join("; ", TopologyFacts.toText(topology)));
      try (NativeExecutor executor = NativeExecutor.create()) {
        facts.put("workers", WorkerCount.choose().toString());
        facts.put("pinned", executor.pinned());
        facts.put("placement", executor.placement().toString());
        facts.put("isa", executor.isa().label());
        facts.put("bf16_products", Machine.bf16(executor.isa()));
        Machine.toJson(executor, Peaks.measure(executor)).forEach(facts::putIfAbsent);
      }
    } catch (NativeException | IllegalArgumentException e) {
      problems.add(String.valueOf(e.getMessage()));
    }
  }

  private static void print(String fact, Object value) {
    if (fact.equals("problems")) {
      return;
    }
    String text =
        value instanceof Number number && fact.endsWith("_bytes")
            ? Units.bytes(number.longValue())
            : value instanceof Double rate
                ? Units.perSecond(rate, fact.startsWith("read") ? "B" : "op")
                : value.toString();
    System.out.printf("%-24s %s%n", fact, text);
  }
}
