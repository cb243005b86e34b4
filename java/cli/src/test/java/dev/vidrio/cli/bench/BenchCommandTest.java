package dev.vidrio.cli.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** {@code vidrio bench} on the embedded model. */
class BenchCommandTest {
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
