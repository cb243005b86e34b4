package dev.vidrio.cli.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.formats.safetensors.SafetensorsWriter.Entry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
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
            "--kind",
            "batchtopk",
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

  /** Writes a random cross-layer transcoder of bard, of 6 features for each of 4 layers. */
  private static Path crossLayer() throws IOException {
    Path target = Files.createDirectories(directory.resolve("cross-layer"));
    var random = new Random(5);
    for (int l = 0; l < 4; l++) {
      Map<String, List<Long>> encoders = new LinkedHashMap<>();
      encoders.put("W_enc_" + l, List.of(6L, 256L));
      encoders.put("b_enc_" + l, List.of(6L));
      encoders.put("b_dec_" + l, List.of(256L));
      write(target.resolve("W_enc_" + l + ".safetensors"), encoders, random);
      List<Long> shape = List.of(6L, 4L - l, 256L);
      write(target.resolve("W_dec_" + l + ".safetensors"), Map.of("W_dec_" + l, shape), random);
    }
    return target;
  }

  private static void write(Path file, Map<String, List<Long>> shapes, Random random)
      throws IOException {
    List<Entry> entries = new ArrayList<>();
    shapes.forEach((name, shape) -> entries.add(new Entry(name, Dtype.F32, shape)));
    try (var writer = SafetensorsWriter.create(file, entries, Map.of())) {
      for (Entry entry : entries) {
        long count = entry.shape().stream().reduce(1L, (a, b) -> a * b);
        var values = new float[Math.toIntExact(count)];
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) random.nextGaussian() / 16;
        }
        writer.write(entry.name(), values);
      }
      writer.finish();
    }
  }

  @Test
  void featuresOfCrossLayerTranscodersActOnLaterLayers() throws IOException {
    JsonNode json =
        done(
                "--transcoders",
                crossLayer().toString(),
                "--node-share",
                "1",
                "--edge-share",
                "1",
                "--check",
                "1",
                "--json")
            .json();
    for (JsonNode node : json.get("nodes")) {
      if (node.has("explained")) {
        double value = node.get("value").doubleValue();
        double tolerance = 2e-2 * Math.max(1, Math.abs(value));
        assertEquals(value, node.get("explained").doubleValue(), tolerance, node.toString());
      }
    }
    assertTrue(json.get("nodes").get(0).has("raises"));
    assertEquals(1, json.get("checks").size());
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
    assertError("--node-share 1.5: must be between 0 and 1", "--node-share", "1.5");
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
