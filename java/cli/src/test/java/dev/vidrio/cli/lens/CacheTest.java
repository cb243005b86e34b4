package dev.vidrio.cli.lens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.formats.safetensors.SafetensorsTensor;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
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

/** {@code vidrio lens cache} on the embedded model. */
class CacheTest {
  @TempDir Path directory;

  private static Cli done(String... args) {
    Cli result = Cli.run(args);
    assertEquals(0, result.code(), result.err());
    return result;
  }

  /** The file has one tensor per hook point under its name. */
  @Test
  void writesTensorPerHookPoint() throws IOException {
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

  /** Activations have the same bits as in separate runs, and generated tokens are those of run. */
  @Test
  void runsTextsInOneBatchAndGenerates() throws IOException {
    List<String> texts = List.of("KING.", "To be, or not to be, that is");
    Path prompts = Files.writeString(directory.resolve("prompts.txt"), String.join("\n", texts));
    Path output = directory.resolve("batch.safetensors");
    String[] options = {
      "lens", "cache", "-n", "4", "--hooks", "*resid_post,blocks.0.attn.hook_pattern"
    };
    Cli result = done(with(options, "--prompts", prompts.toString(), "-o", output.toString()));
    assertTrue(result.out().contains("5 activations and the tokens of 2 texts"), result.out());
    SafetensorsFile batch = SafetensorsFile.read(output);
    for (int i = 0; i < 2; i++) {
      Path alone = directory.resolve("alone.safetensors");
      done(with(options, "-p", texts.get(i), "-o", alone.toString()));
      SafetensorsFile one = SafetensorsFile.read(alone);
      for (String name : one.names()) {
        if (name.equals("tokens")) {
          assertArrayEquals(one.ints(name), batch.ints(i + "/" + name));
        } else {
          assertArrayEquals(one.floats(name), batch.floats(i + "/" + name), name);
        }
      }
      String[] run = {
        "run", "--raw", "-p", texts.get(i), "-n", "4", "--temp", "0", "--kv", "F32", "--json"
      };
      JsonNode ids = done(run).json().get("ids");
      int[] tokens = one.ints("tokens");
      for (int t = 0; t < ids.size(); t++) {
        assertEquals(ids.get(t).intValue(), tokens[tokens.length - ids.size() + t]);
      }
    }
    assertEquals(10, batch.names().size() - 2);
    JsonNode json = done(with(options, "--prompts", prompts.toString(), "--json")).json();
    assertEquals(2, json.get("texts").size());
    String table = done(with(options, "--prompts", prompts.toString())).out();
    assertTrue(table.contains("1/blocks.3.hook_resid_post"), table);
  }

  @ParameterizedTest
  @CsvSource({"f16, 0x1p-11, F16", "bf16, 0x1p-8, BF16"})
  void storesHalfPrecision(String type, double rounding, String dtype) throws IOException {
    Path half = directory.resolve("half.safetensors");
    Path full = directory.resolve("full.safetensors");
    String hook = "blocks.2.hook_resid_post";
    String[] options = {"lens", "cache", "-p", "To be, or not", "--hooks", hook, "-o"};
    done(with(options, half.toString(), "--type", type));
    done(with(options, full.toString()));
    float[] expected = SafetensorsFile.read(full).floats(hook);
    try (Arena arena = Arena.ofConfined()) {
      SafetensorsTensor tensor = Safetensors.open(half, arena).find(hook).orElseThrow();
      assertEquals(dtype, tensor.dtype().name());
      for (int i = 0; i < expected.length; i++) {
        short bits = tensor.data().getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i);
        float value =
            type.equals("f16") ? Float.float16ToFloat(bits) : Float.intBitsToFloat(bits << 16);
        assertEquals(expected[i], value, rounding * Math.abs(expected[i]));
      }
    }
  }

  @Test
  void writesJsonWithNullForMaskedScores() throws IOException {
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
  void printsTable() {
    String out = done("lens", "cache", "-p", "To be, or not", "--positions", "1:3").out();
    assertTrue(
        out.lines().anyMatch(l -> l.matches("blocks\\.3\\.mlp\\.hook_post +\\[2, 768].*")), out);
    JsonNode json = done("lens", "cache", "-p", "To be", "--hooks", "ln_final.*", "--json").json();
    assertTrue(json.get("hooks").get("ln_final.hook_normalized").get("rms").doubleValue() > 0.9);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1 | similar: blocks.0.hook_resid_post | --hooks blocks.0.hook_resid_pots",
        "1 | must include one or more of the text's 3 tokens | --positions 90:",
        "1 | must include one or more of the text's 3 tokens | --positions 2:2",
        "1 | must include one or more of the text's 3 tokens | --positions=-4:",
        "1 | text 3 tokens and 2000 more: must have 1 to 1024 tokens | -n 2000",
        "2 | gives a second text | --prompts x.txt",
        "2 | must be FROM:TO | --positions 1-3",
        "2 | must end in .safetensors or .json | -o x.npz",
      })
  void reportsInvalidArguments(int code, String expected, String arguments) {
    List<String> args = new ArrayList<>(List.of("lens", "cache", "-p", "To be"));
    args.addAll(List.of(arguments.split(" ")));
    Cli result = Cli.run(args.toArray(String[]::new));
    assertEquals(code, result.code(), result.err());
    assertTrue(result.err().contains(expected), result.err());
    assertFalse(result.err().contains("\tat "), result.err());
  }

  private static String[] with(String[] arguments, String... more) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }
}
