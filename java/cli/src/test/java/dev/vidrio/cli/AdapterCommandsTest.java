package dev.vidrio.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.model.testfiles.TinyAdapter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Commands that take an adapter. */
class AdapterCommandsTest {
  @TempDir Path directory;

  /** A small model, its adapter and a text. */
  private List<String> adapted(String strength) throws IOException {
    Path tiny = directory.resolve("tiny.gguf");
    TinyModel.write(tiny, TinyModel.Options.standard());
    Path lora = TinyAdapter.write(directory.resolve("lo=ra.gguf"), 4, 16, 1);
    List<String> arguments = new ArrayList<>(List.of("-m", tiny.toString()));
    if (!strength.equals("none")) {
      arguments.addAll(List.of("--adapter", lora + strength));
    }
    return arguments;
  }

  private static Cli with(List<String> adapter, String... command) {
    return Cli.run(Stream.concat(Arrays.stream(command), adapter.stream()).toArray(String[]::new));
  }

  @Test
  void adaptersChangeOutput() throws IOException {
    List<JsonNode> results = new ArrayList<>();
    for (String strength : List.of("none", "=0", "", "=1", "=0.5")) {
      Cli result =
          with(adapted(strength), "run", "-p", "abc", "-n", "4", "--temp", "0", "--raw", "--json");
      assertEquals(0, result.code(), result.err());
      results.add(result.json().get("logprobs"));
    }
    assertEquals(results.get(0), results.get(1));
    assertNotEquals(results.get(0), results.get(2));
    assertEquals(results.get(2), results.get(3));
    assertNotEquals(results.get(2), results.get(4));
  }

  @Test
  void verifiesAdaptedAnswers() throws IOException {
    String receipt = directory.resolve("receipt.json").toString();
    Cli made =
        with(
            adapted("=0.5"),
            "run",
            "-p",
            "abc",
            "-n",
            "4",
            "--temp",
            "0",
            "--raw",
            "--receipt",
            receipt);
    assertEquals(0, made.code(), made.err());
    // The receipt has the strength.
    for (String strength : List.of("", "=0.5", "=1")) {
      Cli verified = with(adapted(strength), "verify", receipt);
      assertEquals(0, verified.code(), verified.err() + verified.out());
    }
    Cli plain = with(adapted("none"), "verify", receipt);
    assertEquals(1, plain.code(), plain.out());
  }

  @Test
  void adaptersChangeEvaluation() throws IOException {
    Path text = Files.writeString(directory.resolve("text.txt"), "abcdefgh".repeat(8));
    String file = text.toString();
    String[] perplexity = {"eval", "perplexity", "-f", file, "-c", "32", "--json"};
    assertNotEquals(
        with(adapted("none"), perplexity).json().get("perplexity"),
        with(adapted(""), perplexity).json().get("perplexity"));
    Path plain = directory.resolve("plain.safetensors");
    Path changed = directory.resolve("changed.safetensors");
    String[] logits = {"eval", "logits", "-f", file, "-o"};
    for (Path target : List.of(plain, changed)) {
      Cli result =
          with(
              adapted(target.equals(plain) ? "none" : ""),
              Stream.concat(Arrays.stream(logits), Stream.of(target.toString()))
                  .toArray(String[]::new));
      assertEquals(0, result.code(), result.err());
    }
    assertTrue(Files.mismatch(plain, changed) >= 0);
    Path requests =
        Files.writeString(
            directory.resolve("requests.json"), "[{\"context\": \"ab\", \"continuation\": \"c\"}]");
    String[] likelihood = {"eval", "loglikelihood", "-f", requests.toString(), "--json"};
    assertNotEquals(with(adapted("none"), likelihood).json(), with(adapted(""), likelihood).json());
    Cli bench = with(adapted(""), "bench", "-p", "8", "-n", "2", "-r", "1");
    assertEquals(0, bench.code(), bench.err());
    assertEquals(2, with(adapted(""), "bench", "--ops").code());
    Cli missing = Cli.run("run", "-p", "a", "--adapter", directory + "/none.gguf");
    assertEquals(1, missing.code());
    assertEquals("vidrio: " + directory + "/none.gguf: no such file\n", missing.err());
  }
}
