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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** {@code vidrio lens attribute}, {@code patch --attribution} and {@code edges} on the bard. */
class AttributeTest {
  @TempDir private Path directory = Path.of("");

  private static Cli done(String command, String... more) {
    List<String> args = new ArrayList<>(List.of("lens", command));
    args.addAll(List.of(more));
    Cli result = Cli.run(args.toArray(String[]::new));
    assertEquals(0, result.code(), result.err());
    return result;
  }

  private static Cli attribute(String method, String... more) {
    List<String> args =
        new ArrayList<>(List.of("-p", "The king loves", "--token", " his", "--steps", "4"));
    args.addAll(List.of("--method", method));
    args.addAll(List.of(more));
    return done("attribute", args.toArray(String[]::new));
  }

  @ParameterizedTest
  @ValueSource(strings = {"gradient", "grad_x_input", "ig", "smoothgrad", "attn_lrp", "cp_lrp"})
  void everyMethodScoresEveryToken(String method) {
    JsonNode json = attribute(method, "--json").json();
    assertEquals(method, json.get("method").stringValue());
    assertEquals(json.get("tokens").size(), json.get("scores").size());
    double sum = 0;
    for (JsonNode score : json.get("scores")) {
      sum += score.doubleValue();
    }
    assertEquals(json.get("sum").doubleValue(), sum, 1e-9);
    assertEquals(method.equals("ig"), json.has("explained"));
    List<String> lines = attribute(method).out().lines().toList();
    assertEquals(2 + json.get("tokens").size(), lines.size());
    assertTrue(lines.getFirst().contains(method + ", sum"), lines.getFirst());
    assertTrue(lines.stream().anyMatch(line -> line.contains("\" king\"")), lines.get(2));
  }

  /** Swapping the two tokens negates every score. */
  @Test
  void swappedContrastsAreOpposite() {
    JsonNode his = attribute("grad_x_input", "--versus", " her", "--json").json();
    JsonNode her =
        done("attribute", "-p", "The king loves", "--token", " her", "--versus", " his", "--json")
            .json();
    for (int i = 0; i < his.get("scores").size(); i++) {
      assertEquals(
          his.get("scores").get(i).doubleValue(), -her.get("scores").get(i).doubleValue(), 1e-9);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"--fast", "--fast-arithmetic=int8", "--fast-arithmetic=bf16"})
  void fastGradientsAreClose(String option) {
    JsonNode exact = attribute("grad_x_input", "--json").json();
    JsonNode fast = attribute("grad_x_input", option, "--json").json();
    assertEquals(exact.get("value"), fast.get("value"));
    for (int i = 0; i < exact.get("scores").size(); i++) {
      double score = exact.get("scores").get(i).doubleValue();
      assertEquals(score, fast.get("scores").get(i).doubleValue(), 0.1);
    }
  }

  @Test
  void acceptsBaselinesAndPositions() {
    double zero = attribute("ig", "--json").json().get("explained").doubleValue();
    double other =
        attribute("ig", "--baseline", "#5", "--json").json().get("explained").doubleValue();
    assertFalse(zero == other);
    JsonNode earlier = attribute("gradient", "--position", "1", "--json").json();
    assertEquals(2, earlier.get("tokens").size());
  }

  @Test
  void writesPageOfScores() throws IOException {
    Path page = directory.resolve("page.html");
    attribute("attn_lrp", "-o", page.toString());
    assertTrue(Files.readString(page).contains("Attribution to tokens"));
  }

  private static final String[] PAIR = {
    "--clean", "The king", "--corrupt", "The queen", "--answer", " his", "--wrong", " her"
  };

  private static String[] pair(String... more) {
    List<String> args = new ArrayList<>(List.of(PAIR));
    args.addAll(List.of(more));
    return args.toArray(String[]::new);
  }

  @Test
  void estimatesPatching() {
    JsonNode exact = done("patch", pair("--site", "head", "--json")).json();
    JsonNode estimate = done("patch", pair("--site", "head", "--attribution", "--json")).json();
    assertTrue(estimate.get("attribution").booleanValue());
    assertEquals(exact.get("clean_logit_difference"), estimate.get("clean_logit_difference"));
    assertEquals(exact.get("scores").size(), estimate.get("scores").size());
  }

  /** The scores of the embedding's edges have the sign of the total change. */
  @Test
  void ranksEdges() {
    JsonNode json = done("edges", pair("--steps", "32", "--json")).json();
    double sum = 0;
    for (JsonNode edge : json.get("edges")) {
      if (edge.get("from").stringValue().equals("embed")) {
        sum += edge.get("score").doubleValue();
      }
    }
    double moved =
        json.get("corrupted_logit_difference").doubleValue()
            - json.get("clean_logit_difference").doubleValue();
    assertTrue(moved * sum > 0, sum + " of " + moved);
    List<String> lines = done("edges", pair("--steps", "0", "--top", "3")).out().lines().toList();
    assertEquals(5, lines.size());
    assertTrue(lines.getLast().contains("→"), lines.getLast());
  }

  /** A circuit is a subset of its candidate edges. */
  @Test
  void limitsCircuitsToCandidateEdges() {
    JsonNode circuit = done("circuit", pair("--candidates", "20", "--json")).json();
    assertEquals(20, circuit.get("candidates").intValue());
    assertTrue(circuit.get("edges").size() <= 20);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "2 | must be at least 1 | attribute -p a --method ig --steps 0",
        "2 | must be finite and not negative | attribute -p a --method smoothgrad --noise -1",
        "2 | Invalid value | attribute -p a --method nosuch",
        "2 | must end in .html | attribute -p a -o x.png",
        "2 | gradients are taken by --attribution only | patch --clean a --corrupt b --answer #7"
            + " --wrong #8 --fast",
        "2 | must be at least 0 | circuit --clean a --corrupt b --answer #7 --wrong #8"
            + " --candidates -1",
        "2 | must be at least 1 | edges --clean a --corrupt b --answer #7 --wrong #8 --steps -1",
      })
  void reportsInvalidArguments(int code, String expected, String arguments) {
    Cli result = Cli.run(("lens " + arguments).split(" "));
    assertEquals(code, result.code(), result.err());
    assertTrue(result.err().contains(expected), result.err());
  }
}
