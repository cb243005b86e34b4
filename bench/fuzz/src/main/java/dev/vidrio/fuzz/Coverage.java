package dev.vidrio.fuzz;

import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.jacoco.agent.rt.RT;
import org.jacoco.core.analysis.Analyzer;
import org.jacoco.core.analysis.CoverageBuilder;
import org.jacoco.core.analysis.ICounter;
import org.jacoco.core.analysis.ILine;
import org.jacoco.core.analysis.ISourceFileCoverage;
import org.jacoco.core.data.ExecutionDataReader;
import org.jacoco.core.data.ExecutionDataStore;

/**
 * Runs inputs through a harness, without fuzzing, and reports the lines of its parser that they
 * reach. JaCoCo's agent counts them; bench/fuzz/run.sh starts it.
 */
public final class Coverage {
  /** The percentage of the lines of a parser that its inputs must reach. */
  private static final int MINIMUM = 90;

  private final Harness harness;

  private Coverage(Harness harness) {
    this.harness = harness;
  }

  /**
   * Prints the lines that inputs reach, and writes a file with those that they do not. The exit
   * status is 1 if they are less than {@value #MINIMUM} %.
   *
   * @param args the name of a harness, the file of its report, and directories of more inputs
   * @throws IOException if an input or class cannot be read, or the report cannot be written
   */
  public static void main(String... args) throws IOException {
    Harness harness = Harness.named(args[0]);
    int inputs = 0;
    for (byte[] input : harness.inputs()) {
      harness.body().run(input);
      inputs++;
    }
    for (String directory : List.of(args).subList(2, args.length)) {
      try (Stream<Path> files = Files.list(Path.of(directory))) {
        for (Path file : files.sorted().toList()) {
          harness.body().run(Files.readAllBytes(file));
          inputs++;
        }
      }
    }
    if (!new Coverage(harness).report(inputs, Path.of(args[1]))) {
      System.exit(1);
    }
  }

  /** Prints and writes the lines, and returns whether enough of them are reached. */
  private boolean report(int inputs, Path file) throws IOException {
    var builder = new CoverageBuilder();
    analyze(new Analyzer(executed(false), builder));
    List<String> lines = new ArrayList<>();
    int covered = 0;
    int total = 0;
    for (ISourceFileCoverage source :
        builder.getSourceFiles().stream()
            .sorted(Comparator.comparing(each -> each.getPackageName() + "/" + each.getName()))
            .toList()) {
      ICounter counter = source.getLineCounter();
      covered += counter.getCoveredCount();
      total += counter.getTotalCount();
      lines.add(
          "%s/%s: %d of %d lines; not %s"
              .formatted(
                  source.getPackageName(),
                  source.getName(),
                  counter.getCoveredCount(),
                  counter.getTotalCount(),
                  missed(source)));
    }
    Files.write(file, lines);
    double share = 100.0 * covered / Math.max(1, total);
    boolean isEnough = share >= MINIMUM;
    System.out.printf(
        "%-12s %6d inputs %6d of %6d lines  %5.1f %%%s%n",
        harness.name(), inputs, covered, total, share, isEnough ? "" : "  LESS THAN " + MINIMUM);
    return isEnough;
  }

  /**
   * Returns what was executed since the agent was reset.
   *
   * @param reset if true, resets it
   */
  static ExecutionDataStore executed(boolean reset) throws IOException {
    var store = new ExecutionDataStore();
    byte[] data = RT.getAgent().getExecutionData(reset);
    var reader = new ExecutionDataReader(new ByteArrayInputStream(data));
    reader.setSessionInfoVisitor(session -> {});
    reader.setExecutionDataVisitor(store);
    reader.read();
    return store;
  }

  private static List<Integer> missed(ISourceFileCoverage source) {
    List<Integer> found = new ArrayList<>();
    for (int i = source.getFirstLine(); i <= source.getLastLine(); i++) {
      ILine line = source.getLine(i);
      if (line.getStatus() == ICounter.NOT_COVERED) {
        found.add(i);
      }
    }
    return found;
  }

  /** Analyzes the classes of the parser on the class path. */
  private void analyze(Analyzer analyzer) throws IOException {
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
      Path path = Path.of(entry);
      if (Files.isDirectory(path)) {
        analyze(analyzer, path);
      } else if (Files.exists(path)) {
        try (FileSystem jar = FileSystems.newFileSystem(path)) {
          analyze(analyzer, jar.getPath("/"));
        }
      }
    }
  }

  private void analyze(Analyzer analyzer, Path root) throws IOException {
    if (!Files.exists(root.resolve("dev/vidrio"))) {
      return;
    }
    try (Stream<Path> files = Files.walk(root.resolve("dev/vidrio"))) {
      for (Path file : files.toList()) {
        String name = root.relativize(file).toString().replace(File.separatorChar, '/');
        if (name.endsWith(".class") && harness.parses(name.substring(0, name.length() - 6))) {
          try (InputStream in = Files.newInputStream(file)) {
            analyzer.analyzeClass(in, name);
          }
        }
      }
    }
  }
}
