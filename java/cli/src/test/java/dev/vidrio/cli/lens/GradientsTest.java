package dev.vidrio.cli.lens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** {@code vidrio lens gradients} on the embedded model. */
class GradientsTest {
  private static final List<String> TEXT = List.of("-p", "To be, or not to", "--token", " be");

  @TempDir Path directory;

  private static Cli done(String command, String... options) {
    List<String> arguments = new ArrayList<>(List.of("lens", command));
    arguments.addAll(TEXT);
    arguments.addAll(List.of(options));
    Cli result = Cli.run(arguments.toArray(String[]::new));
    assertEquals(0, result.code(), result.err());
    return result;
  }

  /** The product with the embeddings is the attribution by gradient × input. */
  @Test
  void gradientsOfEmbeddings_giveAttribution() throws IOException {
    Path gradients = directory.resolve("gradients.safetensors");
    Path cache = directory.resolve("cache.safetensors");
    String line = done("gradients", "--hooks", "hook_embed", "-o", gradients.toString()).out();
    assertEquals(gradients + ": gradients at 1 hook points" + System.lineSeparator(), line);
    String text = TEXT.get(1);
    Cli.run("lens", "cache", "-p", text, "--hooks", "hook_embed", "-o", cache.toString());
    JsonNode attributed = done("attribute", "--json").json();
    SafetensorsFile written = SafetensorsFile.read(gradients);
    assertEquals(Set.of("hook_embed", "tokens", "metric"), Set.copyOf(written.names()));
    assertArrayEquals(SafetensorsFile.read(cache).ints("tokens"), written.ints("tokens"));
    assertEquals(attributed.get("value").floatValue(), written.floats("metric")[0], 1e-6);
    float[] g = written.floats("hook_embed");
    float[] x = SafetensorsFile.read(cache).floats("hook_embed");
    JsonNode scores = attributed.get("scores");
    int width = g.length / scores.size();
    for (int i = 0; i < scores.size(); i++) {
      double sum = 0;
      for (int j = 0; j < width; j++) {
        sum += (double) g[i * width + j] * x[i * width + j];
      }
      assertEquals(scores.get(i).doubleValue(), sum, 1e-5 * Math.max(1, Math.abs(sum)));
    }
  }

  @Test
  void printsTable_andStatistics() {
    List<String> lines = done("gradients", "--versus", " make").out().lines().toList();
    assertTrue(
        lines.getFirst().startsWith("logit of \" be\" minus that of \" make\": "), lines + "");
    assertTrue(lines.get(1).endsWith("max |g|"), lines.get(1));
    assertTrue(lines.get(2).startsWith("blocks.0.hook_resid_post [7, 256] "), lines.get(2));
    assertEquals(4, lines.stream().filter(line -> line.startsWith("blocks.")).count());
    JsonNode json = done("gradients", "--metric", "logprob", "--json").json();
    assertEquals("logprob", json.get("metric_kind").stringValue());
    assertTrue(json.get("metric").doubleValue() < 0);
    JsonNode last = json.get("hooks").get("blocks.3.hook_resid_post");
    assertEquals("[7,256]", last.get("shape").toString());
    assertTrue(last.get("max_abs").doubleValue() > 0);
  }

  @Test
  void gradientsAreThoseOfTheEditedModel() {
    String edit = "blocks.2.attn.hook_z[:, 3] zero";
    JsonNode plain = done("gradients", "--json").json();
    JsonNode edited = done("gradients", "--edit", edit, "--json").json();
    assertTrue(plain.get("metric").doubleValue() != edited.get("metric").doubleValue());
    assertTrue(!plain.get("hooks").equals(edited.get("hooks")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--metric accuracy|accuracy",
        "--metric kl|kl",
        "--hooks nothing|nothing",
        "--hooks ln_final.hook_scale --token ~absent|~absent",
      })
  void rejectsInvalidOptions(String options, String named) {
    List<String> arguments = new ArrayList<>(List.of("lens", "gradients", "-p", "To be"));
    arguments.addAll(List.of(options.split(" ")));
    Cli result = Cli.run(arguments.toArray(String[]::new));
    assertTrue(result.code() != 0, result.out());
    assertEquals(1, result.err().lines().filter(line -> line.startsWith("vidrio: ")).count());
    assertTrue(result.err().contains(named), result.err());
  }

  @Test
  void rejectsOtherFiles() {
    Path file = directory.resolve("gradients.json");
    Cli result = Cli.run("lens", "gradients", "-p", "To be", "-o", file.toString());
    assertTrue(result.code() != 0, result.out());
    assertTrue(Files.notExists(file), result.err());
  }
}
