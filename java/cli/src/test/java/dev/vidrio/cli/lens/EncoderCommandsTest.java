package dev.vidrio.cli.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.server.command.LensCommands;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Commands of the lens on encoders, and the similarity of texts. */
class EncoderCommandsTest {
  private static final String BERT = "../model/src/test/resources/dev/vidrio/model/encoder/bert";

  @TempDir Path directory;

  @Test
  void readsActivationsButDoesNotGenerate() throws IOException {
    Path ids = Files.writeString(directory.resolve("ids.json"), "[3, 4, 5, 6]");
    Cli cache =
        Cli.run(
            "lens", "cache", "-m", BERT, "--ids", ids + "", "--hooks", "*.hook_pattern", "--json");
    assertEquals(0, cache.code(), cache.err());
    JsonNode hooks = cache.json().path("hooks");
    assertEquals("[4,4,4]", hooks.path("blocks.1.attn.hook_pattern").path("shape").toString());
    Cli generating = Cli.run("lens", "cache", "-m", BERT, "--ids", ids + "", "-n", "1");
    assertNotEquals(0, generating.code());
    assertTrue(generating.err().contains("it is an encoder"), generating.err());
  }

  @Test
  void serverRunsCommandsThatNeedNoLogits() throws IOException {
    try (Model model = Model.open(Path.of(BERT))) {
      var served = new ServedCommands(null);
      Object cache =
          served
              .run(
                  request("cache", Map.of("ids", "ids.json", "hooks", "*.hook_pattern")),
                  model,
                  Assertions::fail)
              .json();
      JsonNode hooks = JsonMapper.shared().<JsonNode>valueToTree(cache).path("hooks");
      assertEquals("[4,4,4]", hooks.path("blocks.1.attn.hook_pattern").path("shape").toString());
      assertEquals(
          "command logits: bert: architecture bert without logits is not supported: it is an"
              + " encoder, which embeds or classifies texts",
          assertThrows(
                  InvalidInputException.class,
                  () ->
                      served.run(
                          request("logits", Map.of("ids", "ids.json")), model, Assertions::fail))
              .getMessage());
    }
  }

  private static LensCommands.Request request(String command, Map<String, Object> options) {
    byte[] ids = "[3, 4, 5, 6]".getBytes(StandardCharsets.UTF_8);
    return new LensCommands.Request("bert", command, List.of(), options, Map.of("ids.json", ids));
  }

  @Test
  void sharesOfPairsAddUpToCosine() {
    Cli similarity = Cli.run("lens", "similarity", "--json", "The king is dead", "Long live him");
    assertEquals(0, similarity.code(), similarity.err());
    JsonNode json = similarity.json();
    double sum = 0;
    for (JsonNode row : json.path("shares")) {
      assertEquals(json.path("other_tokens").size(), row.size());
      sum += row.valueStream().mapToDouble(JsonNode::doubleValue).sum();
    }
    assertEquals(json.path("tokens").size(), json.path("shares").size());
    assertEquals(json.path("cosine").doubleValue(), sum, 1e-6);
  }
}
