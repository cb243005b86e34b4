package dev.vidrio.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.model.testfiles.BardFiles;
import dev.vidrio.model.testfiles.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code vidrio lens} from its arguments to its output, on the embedded model. */
class LensCommandsTest {
  @TempDir Path directory;

  private static Cli done(String... args) {
    Cli result = Cli.run(args);
    assertEquals(0, result.code(), result.err());
    return result;
  }

  @Test
  void hooksListsTheModelsPoints() {
    List<String> all = done("lens", "hooks").out().lines().toList();
    assertEquals("hook_embed", all.getFirst());
    assertEquals("unembed.hook_out", all.getLast());
    // 20 points of a block and the results of heads; embedding, final norm and logits.
    assertEquals(4 * 21 + 4, all.size());
    JsonNode json = done("lens", "hooks", "blocks.-1.attn.*", "--json").json();
    assertEquals("blocks.3.attn.hook_q", json.get(0).stringValue());
  }

  /** The file that design and issues speak of: one tensor for each hook under its name. */
  @Test
  void cacheWritesATensorForEachPoint() throws IOException {
    SafetensorsFile gold = BardFiles.gold("q8_0");
    String ids =
        Arrays.stream(gold.ints("tokens"))
            .mapToObj(String::valueOf)
            .collect(Collectors.joining(","));
    Path input = Files.writeString(directory.resolve("ids.json"), "[" + ids + "]");
    Path output = directory.resolve("cache.safetensors");
    String hooks = "blocks.*.hook_resid_post,blocks.0.attn.hook_pattern";
    Cli result =
        done("lens", "cache", "--ids", input.toString(), "--hooks", hooks, "-o", output.toString());
    assertTrue(result.out().contains("5 activations"), result.out());
    SafetensorsFile cache = SafetensorsFile.read(output);
    assertEquals(6, cache.names().size());
    assertEquals(List.of(8L, 40L, 40L), cache.shape("blocks.0.attn.hook_pattern"));
    float[] expected = gold.floats("blocks.3.hook_resid_post");
    float[] actual = cache.floats("blocks.3.hook_resid_post");
    double difference = 0;
    double magnitude = 0;
    for (int i = 0; i < expected.length; i++) {
      difference = Math.max(difference, Math.abs(expected[i] - actual[i]));
      magnitude = Math.max(magnitude, Math.abs(expected[i]));
    }
    assertTrue(difference < 0.05 * magnitude, difference + " of " + magnitude);
  }

  @Test
  void cacheWritesJsonWithNullsWhereScoresAreMasked() throws IOException {
    Path output = directory.resolve("cache.json");
    done(
        "lens",
        "cache",
        "-p",
        "To be",
        "--hooks",
        "blocks.0.attn.hook_attn_scores",
        "-o",
        output.toString());
    JsonNode json = JsonMapper.shared().readTree(output.toFile());
    JsonNode scores = json.get("hooks").get("blocks.0.attn.hook_attn_scores");
    int n = json.get("tokens").size();
    assertEquals(n, scores.get("shape").get(1).intValue());
    assertTrue(scores.get("values").get(0).isNumber());
    assertTrue(scores.get("values").get(1).isNull());
  }

  @Test
  void cachePrintsATable() {
    String out = done("lens", "cache", "-p", "To be, or not", "--positions", "1:3").out();
    assertTrue(
        out.lines().anyMatch(l -> l.matches("blocks\\.3\\.mlp\\.hook_post +\\[2, 768].*")), out);
    JsonNode json = done("lens", "cache", "-p", "To be", "--hooks", "ln_final.*", "--json").json();
    assertTrue(json.get("hooks").get("ln_final.hook_normalized").get("rms").doubleValue() > 0.9);
  }

  @Test
  void logitsShowsPredictionsOfLayers() {
    Cli table = done("lens", "logits", "-p", "To be, or not to");
    assertTrue(table.out().lines().findFirst().orElseThrow().contains("layer 3"), table.out());
    JsonNode json = done("lens", "logits", "-p", "To be, or not to", "--top", "2", "--json").json();
    JsonNode row = json.get("hooks").get("blocks.3.hook_resid_post");
    assertEquals(json.get("tokens").size(), row.size());
    assertEquals(2, row.get(0).get("top").size());
    assertEquals(0, row.get(0).get("rank_of_final").intValue());
  }

  @Test
  void dlaAddsUpToTheLogit() {
    JsonNode json =
        done("lens", "dla", "-p", "To be, or not to", "--token", " be", "--json").json();
    double logit = json.get("logit").doubleValue();
    assertEquals(logit, json.get("sum").doubleValue(), 0.05 * Math.max(1, Math.abs(logit)));
    assertEquals(1 + 4 * 9, json.get("parts").size());
    String text =
        done("lens", "dla", "-p", "To be, or not to", "--versus", "#5", "--by", "layer").out();
    assertTrue(text.contains("less that of"), text);
    assertTrue(text.contains("L3.mlp"), text);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1 | near are blocks.0.hook_resid_post | --hooks blocks.0.hook_resid_pots",
        "1 | positions of the context | --positions 90:",
        "1 | range that is not empty | --positions 3:3",
        "2 | must be FROM:TO | --positions 1-3",
        "2 | must end in .safetensors or .json | -o x.npz",
      })
  void faultsAreNamed(int code, String expected, String arguments) {
    List<String> args = new ArrayList<>(List.of("lens", "cache", "-p", "To be"));
    args.addAll(List.of(arguments.split(" ")));
    Cli result = Cli.run(args.toArray(String[]::new));
    assertEquals(code, result.code(), result.err());
    assertTrue(result.err().contains(expected), result.err());
    assertFalse(result.err().contains("\tat "), result.err());
  }
}
