package dev.vidrio.cli.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** {@code vidrio lens qk}. */
class QkCommandTest {
  @TempDir Path directory;

  private static Cli qk(String... more) {
    List<String> all = new ArrayList<>(List.of("lens", "qk", "-p", "To be, or"));
    all.addAll(List.of(more));
    return Cli.run(all.toArray(String[]::new));
  }

  private static Cli done(String... more) {
    Cli result = qk(more);
    assertEquals(0, result.code(), result.err());
    return result;
  }

  @Test
  void printsPairsAndNodes() throws IOException {
    String[] options = {"--head", "L1.H0", "--key", "0", "--top", "3"};
    String out = done(options).out();
    assertTrue(out.startsWith("L1.H0 from "), out);
    assertTrue(out.contains("@0 \"<|endoftext|>\""), out);
    assertEquals(3 * 4 + 1, out.lines().count(), out);
    Path page = directory.resolve("qk.html");
    done("--head", "L1.H0", "--key", "0", "-o", page.toString());
    assertTrue(Files.readString(page).contains("Nodes at the key"));
  }

  @Test
  void jsonHasPairsThatSumToTheScore() {
    JsonNode json =
        done("--head", "L1.H0", "--query", "-2", "--key", "1", "--top", "1000", "--json").json();
    double score = json.get("score").doubleValue();
    assertEquals(score, json.get("explained").doubleValue(), 2e-2 * Math.max(1, Math.abs(score)));
    assertEquals(1000, json.get("pairs").size());
    assertTrue(json.get("pairs").get(0).has("query"));
  }

  @Test
  void rejectsInvalidOptions() {
    assertError("must be written as L1.H3", "--head", "1", "--key", "0");
    assertError("layer", "--head", "L9.H0", "--key", "0");
    assertError("the text has", "--head", "L0.H0", "--key", "90");
    assertError("key", "--head", "L0.H0", "--key", "2", "--query", "1");
    assertError("no such file", "--head", "L0.H0", "--key", "0", "--transcoders", "missing");
  }

  private static void assertError(String expected, String... options) {
    Cli result = qk(options);
    assertFalse(result.code() == 0, result.out());
    assertTrue(result.err().contains(expected), result.err());
  }
}
