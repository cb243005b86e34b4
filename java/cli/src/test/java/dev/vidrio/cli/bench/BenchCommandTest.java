package dev.vidrio.cli.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** {@code vidrio bench} on the embedded model, unless a test says otherwise. */
@Tag("long")
class BenchCommandTest {
  @TempDir Path directory;

  /** Runs return to the depth, where the recurrent states of the model are lost. */
  @Test
  void measuresModelsWithStates() throws IOException {
    String model = TinyModels.write(directory.resolve("tiny.gguf"), "qwen35").toString();
    JsonNode json =
        Cli.run(
                "bench", "-m", model, "-p", "40", "-n", "20", "-r", "3", "-b", "2", "-d", "20",
                "--ops", "--json")
            .json();
    json.get("results").forEach(result -> assertEquals(3, result.get("runs").size()));
    JsonNode recurrence =
        json.get("ops")
            .valueStream()
            .filter(op -> op.get("kind").stringValue().equals("recurrence"))
            .findFirst()
            .orElseThrow();
    assertTrue(recurrence.has("share_of_peak"));
  }

  @Test
  @Tag("long")
  void showsScalingByThreads() {
    JsonNode json = Cli.run("bench", "-t", "1,2", "-p", "4", "-n", "4", "-r", "1", "--json").json();
    JsonNode scaling = json.get("scaling");
    assertEquals(4, scaling.size());
    assertEquals(1, scaling.get(0).get("efficiency").doubleValue());
    assertEquals("tg4", scaling.get(3).get("test").stringValue());
    assertEquals(2, scaling.get(3).get("threads").intValue());
    for (String loss : List.of("imbalance", "barriers", "bandwidth")) {
      assertTrue(scaling.get(3).get("lost_to_" + loss).doubleValue() >= 0);
    }
  }

  /** Otherwise the second run of a prompt, the first one that is measured, packs all matrices. */
  @Test
  void packsBeforeRuns() {
    assertEquals(Repacking.AT_ONCE, new BenchCommand().repacking());
  }

  @Test
  void measuresEncodersWithoutGeneration() {
    String bert = "../model/src/test/resources/dev/vidrio/model/encoder/bert";
    JsonNode json = Cli.run("bench", "-m", bert, "-p", "8", "-r", "1", "--json").json();
    assertEquals("[\"pp8\"]", json.get("results").findValues("test").toString());
    Cli generating = Cli.run("bench", "-m", bert, "-n", "4");
    assertTrue(
        generating.err().contains("-n 4: must be 0 for an encoder, which runs each text at once"),
        generating.err());
  }

  @Test
  void inspectCountsStates() throws IOException {
    String model = TinyModels.write(directory.resolve("tiny.gguf"), "qwen35").toString();
    try (Model opened = Model.open(Path.of(model))) {
      JsonNode runtime = Cli.run("inspect", model, "--json").json().get("runtime");
      assertEquals(
          opened.architecture().kvShape().bytesPerSequence(),
          runtime.get("state_bytes").longValue());
    }
  }

  @Test
  void measuresAndProfiles() {
    JsonNode json =
        Cli.run("bench", "-p", "16", "-n", "4", "-r", "2", "-b", "2", "-d", "5", "--ops", "--json")
            .json();
    assertEquals("pp16 @ d5", json.get("results").get(0).get("test").stringValue());
    assertEquals("tg4 @ d5 x2", json.get("results").get(1).get("test").stringValue());
    json.get("results")
        .forEach(
            result -> {
              assertEquals(2, result.get("runs").size());
              assertTrue(result.get("tokens_per_second").doubleValue() > 0);
            });
    assertTrue(json.get("machine").get("read_bytes_per_second").doubleValue() > 0);
    List<String> kinds =
        json.get("ops").valueStream().map(op -> op.get("kind").stringValue()).toList();
    assertTrue(kinds.containsAll(List.of("matmul q8_0", "attention", "norm")), kinds.toString());
    json.get("ops")
        .forEach(
            op -> {
              String kind = op.get("kind").stringValue();
              boolean counted = kind.startsWith("matmul") || kind.equals("attention");
              assertEquals(counted, op.has("share_of_peak"), kind);
            });
  }
}
