package dev.vidrio.cli.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** {@code vidrio eval} on the embedded model. */
class EvalCommandTest {
  private static final String PROMPT = "To be, or not to be";

  @TempDir Path directory;

  @Test
  void writesLogitsAndTokens() throws IOException {
    Path file = directory.resolve("logits.safetensors");
    Cli result = Cli.run("eval", "logits", "-p", PROMPT, "-o", file.toString(), "--json");
    assertEquals(0, result.code(), result.err());
    int n = result.json().get("tokens").intValue();
    assertEquals(8, n);
    long expected = 8 + headerLength(file) + n * 2048L * 4 + n * 4L;
    assertEquals(expected, Files.size(file));
    try (var files = Files.list(directory)) {
      assertEquals(1, files.count(), "no temporary file stays");
    }
  }

  @Test
  void measuresPerplexity() throws IOException {
    Path file = Files.writeString(directory.resolve("text.txt"), PROMPT.repeat(40));
    Cli text = Cli.run("eval", "perplexity", "-f", file.toString(), "-c", "64");
    assertTrue(text.out().startsWith("perplexity "), text.err());
    JsonNode json =
        Cli.run("eval", "perplexity", "-f", file.toString(), "-c", "64", "--json").json();
    assertTrue(json.get("perplexity").doubleValue() > 1);
    assertEquals(31 * json.get("windows").intValue(), json.get("tokens").intValue());
    String[] coarse = {
      "eval",
      "perplexity",
      "-f",
      file.toString(),
      "-c",
      "64",
      "--kv",
      "q8_0",
      "--arithmetic",
      "bf16",
      "--json"
    };
    double other = Cli.run(coarse).json().get("perplexity").doubleValue();
    double exact = json.get("perplexity").doubleValue();
    assertTrue(other != exact && Math.abs(other - exact) < 0.05 * exact, () -> exact + " " + other);
  }

  @Test
  void comparesLogits() {
    Path one = directory.resolve("one.safetensors");
    Path two = directory.resolve("two.safetensors");
    assertEquals(0, Cli.run("eval", "logits", "-p", PROMPT, "-o", one.toString()).code());
    String[] coarse = {"eval", "logits", "-p", PROMPT, "--kv", "q8_0", "-o", two.toString()};
    assertEquals(0, Cli.run(coarse).code());
    JsonNode same = Cli.run("eval", "kld", one.toString(), one.toString(), "--json").json();
    assertEquals(0, same.get("mean_kld").doubleValue(), 1e-12);
    assertEquals(1, same.get("same_top").doubleValue());
    JsonNode other = Cli.run("eval", "kld", one.toString(), two.toString(), "--json").json();
    assertTrue(other.get("mean_kld").doubleValue() > 0, other.toString());
    assertEquals(8, other.get("positions").intValue());
    assertTrue(Cli.run("eval", "kld", one.toString(), two.toString()).out().startsWith("mean KLD"));
  }

  @Test
  void scoresContinuations() throws IOException {
    Path file =
        Files.writeString(
            directory.resolve("requests.json"),
            """
            [{"context": "To be, or not", "continuation": " to be"},
             {"context": "To be, or not", "continuation": " zebra"}]\
            """);
    JsonNode json = Cli.run("eval", "loglikelihood", "-f", file.toString(), "--json").json();
    assertTrue(
        json.get(0).get("loglikelihood").doubleValue()
            > json.get(1).get("loglikelihood").doubleValue());
    String[] coarse = {"eval", "loglikelihood", "-f", file.toString(), "--kv", "q8_0", "--json"};
    assertNotEquals(json, Cli.run(coarse).json());
    Files.writeString(file, "[{\"context\": \"a\"}]");
    Cli wrong = Cli.run("eval", "loglikelihood", "-f", file.toString());
    assertEquals(1, wrong.code());
    assertTrue(wrong.err().contains("element 0"), wrong.err());
  }

  private static long headerLength(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    long length = 0;
    for (int i = 7; i >= 0; i--) {
      length = length << 8 | (bytes[i] & 0xff);
    }
    return length;
  }
}
