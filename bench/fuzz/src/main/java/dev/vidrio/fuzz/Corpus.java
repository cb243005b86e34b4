package dev.vidrio.fuzz;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.jacoco.core.data.ExecutionData;

/**
 * The inputs of a harness that are checked in, in {@code bench/fuzz/corpus/NAME.zip}: the shortest
 * ones, found by fuzzing, that together reach all branches of the parser which the seeds do not.
 */
public final class Corpus {
  private Corpus() {}

  /** Returns the inputs; none if there is no such file. */
  static List<byte[]> of(String name) {
    Path file = path(name);
    List<byte[]> inputs = new ArrayList<>();
    if (Files.exists(file)) {
      try (var zip = new ZipInputStream(new ByteArrayInputStream(Fixtures.read(file)))) {
        while (zip.getNextEntry() != null) {
          inputs.add(zip.readAllBytes());
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return inputs;
  }

  private static Path path(String name) {
    return Fixtures.path("bench/fuzz/corpus").resolve(name + ".zip");
  }

  /**
   * Chooses inputs and writes the file of a harness. JaCoCo's agent counts branches;
   * bench/fuzz/run.sh starts it.
   *
   * @param args the name of a harness, and a directory with inputs
   * @throws IOException if an input cannot be read, or the file cannot be written
   */
  public static void main(String... args) throws IOException {
    Harness harness = Harness.named(args[0]);
    List<byte[]> inputs = new ArrayList<>(of(harness.name()));
    try (Stream<Path> files = Files.list(Path.of(args[1]))) {
      files.sorted().map(Fixtures::read).forEach(inputs::add);
    }
    inputs.sort(Comparator.comparingInt(input -> input.length));
    var branches = new Branches(harness);
    branches.after(new byte[0]); // initializes classes
    var known = new BitSet();
    harness.seeds().get().forEach(seed -> known.or(branches.after(seed)));
    List<byte[]> chosen = new ArrayList<>();
    List<BitSet> reached = new ArrayList<>();
    var sum = (BitSet) known.clone();
    for (byte[] input : inputs) {
      BitSet found = branches.after(input);
      int before = sum.cardinality();
      sum.or(found);
      if (sum.cardinality() > before) {
        chosen.add(input);
        reached.add(found);
      }
    }
    removeNeedless(chosen, reached, known);
    write(path(harness.name()), chosen);
    System.out.printf(
        "%-12s %6d inputs chosen from %d%n", harness.name(), chosen.size(), inputs.size());
  }

  /** Removes inputs that others make needless, beginning with the longest. */
  private static void removeNeedless(List<byte[]> chosen, List<BitSet> reached, BitSet known) {
    for (int i = chosen.size() - 1; i >= 0; i--) {
      var others = (BitSet) known.clone();
      for (int other = 0; other < chosen.size(); other++) {
        if (other != i) {
          others.or(reached.get(other));
        }
      }
      var own = (BitSet) reached.get(i).clone();
      own.andNot(others);
      if (own.isEmpty()) {
        chosen.remove(i);
        reached.remove(i);
      }
    }
  }

  /** Writes a file with bytes that depend on the inputs alone; without inputs, deletes it. */
  private static void write(Path file, List<byte[]> inputs) throws IOException {
    if (inputs.isEmpty()) {
      Files.deleteIfExists(file);
      return;
    }
    Files.createDirectories(file.getParent());
    try (OutputStream out = Files.newOutputStream(file);
        var zip = new ZipOutputStream(out)) {
      for (int i = 0; i < inputs.size(); i++) {
        ZipEntry entry = new ZipEntry("%04d".formatted(i));
        entry.setLastModifiedTime(FileTime.fromMillis(0));
        zip.putNextEntry(entry);
        zip.write(inputs.get(i));
      }
    }
  }

  /** Numbers the branches of a parser's classes in the order in which they are first reached. */
  private static final class Branches {
    private final Harness harness;
    private final Map<String, Integer> numbers = new HashMap<>();

    Branches(Harness harness) {
      this.harness = harness;
    }

    /** Runs an input and returns the branches that it reaches. */
    BitSet after(byte[] input) {
      try {
        Coverage.executed(true);
        harness.body().run(input);
        var reached = new BitSet();
        for (ExecutionData data : Coverage.executed(true).getContents()) {
          if (harness.parses(data.getName())) {
            boolean[] probes = data.getProbes();
            for (int i = 0; i < probes.length; i++) {
              if (probes[i]) {
                reached.set(
                    numbers.computeIfAbsent(data.getName() + " " + i, key -> numbers.size()));
              }
            }
          }
        }
        return reached;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
