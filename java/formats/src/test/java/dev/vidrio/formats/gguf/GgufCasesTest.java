package dev.vidrio.formats.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vidrio.error.ModelException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The valid and invalid files of llama.cpp's test of its reader, which {@code
 * bench/conformance/llama_cases.py} writes. Runs if the property {@code vidrio.gguf.cases} is set
 * to their directory.
 */
class GgufCasesTest {
  private static final String BOOLEAN =
      "they hold booleans that are neither 0 nor 1, which GGUF's specification forbids";

  /** Kinds of files that are read, or rejected, where llama.cpp does not; with the reasons. */
  private static final Map<String, String> KNOWN =
      Map.of(
          "good-DATA_CUSTOM_ALIGN", BOOLEAN,
          "good-DATA_SUCCESS", BOOLEAN,
          "good-KV_RANDOM_KV", BOOLEAN,
          "good-TENSORS_CUSTOM_ALIGN", BOOLEAN,
          "good-TENSORS_SUCCESS", BOOLEAN,
          "good-TENSORS_ZERO_DIM", BOOLEAN);

  @Test
  void agreesExceptWhereListed() throws IOException {
    String directory = System.getProperty("vidrio.gguf.cases");
    assumeTrue(directory != null);
    List<Path> files;
    try (Stream<Path> all = Files.list(Path.of(directory))) {
      files = all.sorted().toList();
    }
    Map<String, String> different = new TreeMap<>();
    int failed = 0;
    for (Path file : files) {
      String name = file.getFileName().toString();
      String error = "";
      try (Arena arena = Arena.ofConfined()) {
        Gguf.open(file, arena);
      } catch (ModelException e) {
        error = e.getMessage();
      }
      if (name.startsWith("bad") == error.isEmpty()) {
        failed++;
        different.put(name.replaceFirst("-\\d+\\.gguf$", ""), error);
      }
    }
    System.out.printf("gguf: %d of %d files agree%n", files.size() - failed, files.size());
    KNOWN.forEach((name, reason) -> System.out.println("gguf differs: " + name + " — " + reason));
    assertEquals(KNOWN.keySet(), different.keySet(), different::toString);
  }
}
