package dev.vidrio.fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Prepares fuzzing for bench/fuzz/run.sh. */
public final class Main {
  private Main() {}

  /**
   * Writes the inputs of each harness to {@code DIRECTORY/NAME}, and prints names and classes.
   *
   * @param args the directory
   * @throws IOException if an input cannot be written
   */
  public static void main(String... args) throws IOException {
    for (Harness harness : Harness.all()) {
      Path directory = Files.createDirectories(Path.of(args[0], harness.name()));
      List<byte[]> inputs = harness.inputs();
      for (int i = 0; i < inputs.size(); i++) {
        Files.write(directory.resolve("input-" + i), inputs.get(i));
      }
      System.out.println(harness.name() + " " + harness.target().getName());
    }
  }
}
