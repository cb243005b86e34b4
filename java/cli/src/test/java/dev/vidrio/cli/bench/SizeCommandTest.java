package dev.vidrio.cli.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.bard.Bard;
import dev.vidrio.cli.Cli;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** {@code vidrio size} on the embedded model. */
class SizeCommandTest {
  private static JsonNode size(String... options) {
    String[] arguments = new String[options.length + 6];
    arguments[0] = "size";
    arguments[1] = "--json";
    arguments[2] = "--int8";
    arguments[3] = "1e6";
    arguments[4] = "--f32";
    arguments[5] = "1e6";
    System.arraycopy(options, 0, arguments, 6, options.length);
    return Cli.run(arguments).json();
  }

  private static double rate(JsonNode size, int row) {
    return size.get("generation").get(row).get("tokens_per_second").doubleValue();
  }

  @Test
  void slowMemory_limitsGenerationToReads() {
    JsonNode inspected = Cli.run("inspect", "--json").json().get("runtime");
    long bytes = inspected.get("bytes_read_per_token").longValue();
    JsonNode size = size("--cores", "2", "--bandwidth", "0.01", "-c", "1", "--rate", "0.001");
    assertEquals(0.95 * 1e7 / bytes, rate(size, 0), 0.05 * rate(size, 0));
    assertTrue(rate(size, 1) > 1.9 * rate(size, 0));
    assertTrue(size.get("balance").doubleValue() <= 1);
  }

  @Test
  void countsMemoryOfWeightsAndUsers() {
    JsonNode inspected = Cli.run("inspect", "--json").json().get("runtime");
    JsonNode size = size("--cores", "1", "--bandwidth", "10", "-c", "65");
    assertEquals(
        128 * inspected.get("kv_bytes_per_position").longValue(),
        size.get("user_bytes").longValue());
    long weights = size.get("weight_bytes").longValue();
    assertTrue(weights > 0.9 * Bard.size() && weights < 2 * Bard.size(), weights + " bytes");
  }

  @Test
  void countsBytesBetweenNodes() {
    JsonNode one = size("--cores", "8", "--bandwidth", "10", "-c", "64");
    assertEquals(1, one.get("nodes").intValue());
    assertEquals(0, one.get("remote_bytes_per_token").doubleValue());
    JsonNode two = size("--cores", "8", "--nodes", "2", "--bandwidth", "10", "-c", "64");
    assertEquals(2, two.get("nodes").intValue());
    assertTrue(two.get("remote_bytes_per_token").doubleValue() > 0);
  }

  /** The keys and values of the four heads: two nodes hold two heads each, eight nodes half. */
  @Test
  void countsKeysAndValuesBetweenNodes() {
    JsonNode inspected = Cli.run("inspect", "--json").json().get("runtime");
    assertEquals(4, inspected.get("kv_heads").intValue());
    long kv = 64 * inspected.get("kv_bytes_per_position").longValue();
    assertEquals(0, remoteBytes(2, 128) - remoteBytes(2, 64));
    assertEquals(0, remoteBytes(4, 128) - remoteBytes(4, 64));
    assertEquals(kv / 2.0, remoteBytes(8, 128) - remoteBytes(8, 64), 0.01 * kv);
  }

  private static double remoteBytes(int nodes, int context) {
    return size("--cores", "8", "--nodes", "" + nodes, "--bandwidth", "10", "-c", "" + context)
        .get("remote_bytes_per_token")
        .doubleValue();
  }

  @Test
  void usersHaveTheRate() {
    JsonNode size = size("--cores", "1", "--bandwidth", "1", "-c", "64", "--rate", "30");
    int users = size.get("users").intValue();
    JsonNode generation = size.get("generation");
    int last = generation.get(generation.size() - 1).get("users").intValue();
    assertTrue(users >= last && users < 2 * last, users + " users");
    assertEquals(users, size.get("users_per_core").doubleValue());
    JsonNode fewer =
        size("--cores", "1", "--bandwidth", "1", "-c", "64", "--rate", "30", "--memory", "0.01");
    assertTrue(fewer.get("users").intValue() < users);
  }
}
