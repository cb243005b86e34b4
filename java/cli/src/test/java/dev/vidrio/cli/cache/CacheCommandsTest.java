package dev.vidrio.cli.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class CacheCommandsTest {
  private static final String TEXT = "To be, or not to be, that is the question. ".repeat(12);

  @TempDir Path directory;

  private Cli cache(String command, String... more) {
    String[] all = new String[4 + more.length];
    all[0] = "cache";
    all[1] = command;
    all[2] = "--cache-dir";
    all[3] = directory.resolve("prefixes").toString();
    System.arraycopy(more, 0, all, 4, more.length);
    return Cli.run(all);
  }

  @Test
  void warmsListsAndClearsPrefixes() throws IOException {
    Cli first = cache("warm", "-p", TEXT, "--json");
    assertEquals(0, first.code(), first.err());
    int tokens = first.json().get("tokens").asInt();
    assertTrue(tokens > 128, first.out());
    assertEquals(0, first.json().get("found").asInt());
    int whole = (tokens - 1) / 64 * 64;
    // A shipped copy serves another process.
    try (Model model = Model.open(BardFiles.q8());
        Engine engine =
            Engine.open(
                model,
                EngineOptions.DEFAULT.withCacheDirectory(directory.resolve("prefixes"), 1 << 30))) {
      int[] prompt = model.tokenizer().encode(TEXT + "Whether 'tis nobler");
      assertEquals(
          whole, engine.submit(GenerationRequest.builder(prompt).build()).result().cachedTokens());
    }
    Cli second = cache("warm", "-p", TEXT);
    assertTrue(
        second
            .out()
            .matches(
                "%d tokens, %d of them found, in \\d+\\.\\d\\d s; 0 B written\\R"
                    .formatted(tokens, whole)),
        second.out());
    JsonNode model = cache("list", "--json").json().get(0);
    assertEquals("bard", model.get("name").asString());
    assertTrue(model.get("tokens").asInt() >= whole);
    assertTrue(cache("list").out().contains("bard"));
    assertTrue(cache("clear").out().startsWith("deleted "));
    assertEquals(0, cache("list", "--json").json().size());
  }

  @Test
  void rejectsWrongUsage() throws IOException {
    assertEquals(
        "vidrio: --cache-dir: is required",
        Cli.run("cache", "warm").err().lines().findFirst().orElse(""));
    Path file = Files.createFile(directory.resolve("file"));
    Cli isFile = Cli.run("serve", "--port", "0", "--cache-dir", file.toString());
    assertEquals(2, isFile.code());
    assertTrue(
        isFile.err().startsWith("vidrio: --cache-dir " + file + ": cannot be written"),
        isFile.err());
    Cli missing = cache("clear");
    assertEquals(2, missing.code());
    assertTrue(missing.err().contains(": is not a directory"), missing.err());
    assertEquals(2, cache("warm", "-p", TEXT, "--cache-dir-size", "0").code());
    assertEquals(2, cache("warm", "-p", TEXT, "--tools", "tools.json").code());
  }
}
