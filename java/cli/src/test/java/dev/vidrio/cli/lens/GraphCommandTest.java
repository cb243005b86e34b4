package dev.vidrio.cli.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code vidrio lens graph}, over a transcoder that {@code lens sae train} writes. */
class GraphCommandTest {
  @TempDir static Path directory;

  private static Path transcoders;

  @BeforeAll
  static void train() throws IOException {
    transcoders = directory.resolve("transcoders");
    Path text = Files.writeString(directory.resolve("text.txt"), "To be, or not to be. ".repeat(9));
    Cli trained =
        Cli.run(
            "lens",
            "sae",
            "train",
            "-f",
            text.toString(),
            "--hook",
            "blocks.1.ln2.hook_normalized",
            "--hook-out",
            "blocks.1.hook_mlp_out",
            "--skip",
            "--batch-topk",
            "--features",
            "32",
            "-k",
            "4",
            "--steps",
            "5",
            "--batch",
            "16",
            "-o",
            transcoders.resolve("layer_1").toString());
    assertEquals(0, trained.code(), trained.err());
  }

  private static Cli graph(String... more) {
    List<String> all = new ArrayList<>(List.of("lens", "graph", "-p", "To be, or"));
    all.addAll(List.of(more));
    return Cli.run(all.toArray(String[]::new));
  }

  private static Cli done(String... more) {
    Cli result = graph(more);
    assertEquals(0, result.code(), result.err());
    return result;
  }

  @Test
  void printsNodesEdgesAndEffects() {
    String out =
        done("--transcoders", transcoders.toString(), "--top", "3", "--logits", "2", "--check", "2")
            .out();
    assertTrue(out.contains("features attributed"), out);
    assertTrue(out.contains("L0.error@"), out);
    assertTrue(out.contains("predicted"), out);
    assertEquals(2, out.lines().filter(line -> line.startsWith("logit ")).count(), out);
  }

  @Test
  void jsonHasNodesAndEdges() {
    JsonNode json = done("--features", "20", "--check", "1", "--json").json();
    assertEquals(1, json.get("replacement").doubleValue());
    JsonNode edge = json.get("edges").get(0);
    List<String> names = new ArrayList<>();
    json.get("nodes").forEach(node -> names.add(node.get("node").stringValue()));
    assertTrue(names.contains(edge.get("from").stringValue()));
    assertTrue(names.contains(edge.get("to").stringValue()));
    assertEquals(1, json.get("checks").size());
  }

  @Test
  void explainsMetrics() throws IOException {
    String[] options = {"--features", "20", "--metric", "logit-diff: not/ to", "--check", "2"};
    String out = done(options).out();
    assertTrue(out.contains("metric: logit of \" not\" minus that of \" to\"; linear part"), out);
    assertTrue(out.contains(" -> metric"), out);
    List<String> json = new ArrayList<>(List.of(options));
    json.add("--json");
    JsonNode found = done(json.toArray(String[]::new)).json();
    JsonNode target = null;
    for (JsonNode node : found.get("nodes")) {
      assertFalse(node.get("kind").stringValue().equals("logit"));
      target = node.get("kind").stringValue().equals("metric") ? node : target;
    }
    assertNotNull(target);
    assertEquals(target.get("value").doubleValue(), target.get("explained").doubleValue(), 1e-2);
    Path file = directory.resolve("metric.json");
    done("--features", "20", "--metric", "entropy", "-o", file.toString());
    assertTrue(Files.readString(file).contains("Output of the metric"));
    done("--features", "20", "--token", " not", "-o", directory.resolve("m.html").toString());
  }

  @Test
  void writesPageAndGraphFile() throws IOException {
    Path page = directory.resolve("graph.html");
    Path file = directory.resolve("graph.json");
    done("--features", "20", "-o", page.toString());
    assertTrue(Files.readString(page).contains("\"kind\":\"graph\""));
    done("--features", "20", "-o", file.toString());
    JsonNode json = JsonMapper.shared().readTree(Files.readString(file));
    assertFalse(json.get("links").isEmpty());
    assertEquals("graph", json.get("metadata").get("slug").stringValue());
  }

  @Test
  void rejectsInvalidOptions() {
    assertError("features", "--features", "0");
    assertError("node share", "--node-share", "1.5");
    assertError("no such file", "--transcoders", directory.resolve("missing").toString());
    assertError("cfg.json", "--transcoders", directory.toString());
    assertError("cannot be combined with a metric", "--metric", "entropy", "--logits", "2");
    assertError("which lens graph uses, is 0", "--metric", "kl");
    assertError("must read the logits of one position", "--metric", "logprob: not to");
    assertError(".html or .json", "-o", directory.resolve("graph.png").toString());
  }

  private static void assertError(String expected, String... options) {
    Cli result = graph(options);
    assertFalse(result.code() == 0, result.out());
    assertTrue(result.err().contains(expected), result.err());
  }
}
