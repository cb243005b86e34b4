package dev.vidrio.cli.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.server.ModelSource;
import dev.vidrio.server.Server;
import dev.vidrio.server.ServerOptions;
import java.io.IOException;
import java.net.URI;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Loads a server in this process. */
class ServeCommandTest {
  private static Server serve(EngineOptions engine) throws IOException {
    return Server.start(
        ServerOptions.DEFAULT.withAddress("127.0.0.1", 0).withEngine(engine),
        new ModelSource("bard", () -> Model.open(BardFiles.q8())));
  }

  private static Cli bench(URI url, String... more) {
    String[] all = new String[more.length + 8];
    String[] first = {"bench", "serve", "--url", url.toString(), "-p", "20", "-n", "10"};
    System.arraycopy(first, 0, all, 0, first.length);
    System.arraycopy(more, 0, all, first.length, more.length);
    return Cli.run(all);
  }

  @ParameterizedTest
  @ValueSource(strings = {"--users=4", "--rate=200"})
  void answersEveryRequest(String load) throws IOException {
    try (Server server = serve(EngineOptions.DEFAULT)) {
      Cli cli = bench(server.uri(), load, "--requests=12", "--warm-up=2", "--prefix=64", "--json");
      assertEquals(0, cli.code(), cli.err());
      JsonNode json = cli.json();
      assertEquals("bard", json.get("model").stringValue());
      assertEquals(12, json.get("answers").intValue());
      assertEquals(0, json.get("refused").intValue() + json.get("failed").intValue());
      assertTrue(json.get("tokens_per_second").doubleValue() > 0);
      for (String name : new String[] {"ttft_ms", "tpot_ms", "itl_ms", "total_ms"}) {
        JsonNode spread = json.get(name);
        assertTrue(spread.get("p50").doubleValue() <= spread.get("p99").doubleValue(), name);
      }
    }
  }

  @Test
  void countsRefusals() throws IOException {
    try (Server server = serve(EngineOptions.DEFAULT.withSequences(1).withQueue(0))) {
      Cli cli = bench(server.uri(), "--rate=5000", "--requests=40", "--warm-up=0");
      assertEquals(0, cli.code(), cli.err());
      assertTrue(cli.out().contains("refused_ms"), cli.out());
    }
  }

  @Test
  void omitsEmptyDistributions() throws IOException {
    try (Server server = serve(EngineOptions.DEFAULT.withContext(16))) {
      Cli cli = bench(server.uri(), "--requests=2", "--warm-up=0");
      assertEquals(1, cli.code());
      assertTrue(cli.out().contains("0 answers, 0 refused, 2 failed"), cli.out());
      assertFalse(cli.out().contains("NaN"), cli.out());
    }
  }

  @Test
  void reportsUnreachableServer() {
    Cli cli = Cli.run("bench", "serve", "--url", "http://127.0.0.1:1");
    assertEquals(1, cli.code());
    assertTrue(
        cli.err().startsWith("vidrio: http://127.0.0.1:1/v1: connection refused"), cli.err());
    assertEquals(2, Cli.run("bench", "serve", "--users", "0").code());
  }
}
