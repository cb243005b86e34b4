package dev.vidrio.fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Prepares fuzzing for bench/fuzz/run.sh. */
public final class Main {
  private Main() {}

  /**
   * Writes the seeds of each harness to {@code DIRECTORY/NAME}, and prints names and classes.
   *
   * @param args the directory
   * @throws IOException if a seed cannot be written
   */
  public static void main(String... args) throws IOException {
    for (Harness harness : Harness.all()) {
      Path directory = Files.createDirectories(Path.of(args[0], harness.name()));
      List<byte[]> seeds = harness.seeds().get();
      for (int i = 0; i < seeds.size(); i++) {
        Files.write(directory.resolve("seed-" + i), seeds.get(i));
      }
      System.out.println(harness.name() + " " + harness.target().getName());
    }
  }
}
