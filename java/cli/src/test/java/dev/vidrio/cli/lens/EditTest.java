package dev.vidrio.cli.lens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.formats.safetensors.SafetensorsWriter.Entry;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Edits on the command line, on the embedded model. */
class EditTest {
  private static final String TEXT = "To be, or not to";

  /** A text with the same number of tokens. */
  private static final String OTHER = "My lord, or not so";

  private static final String HOOK = "blocks.1.hook_resid_post";

  @TempDir Path directory;

  private static JsonNode edited(String... edits) {
    List<String> args = new ArrayList<>(List.of("lens", "edit", "-p", TEXT, "--json"));
    for (String edit : edits) {
      args.addAll(List.of("--edit", edit));
    }
    return done(args.toArray(String[]::new)).json();
  }

  private static Cli done(String... args) {
    Cli result = Cli.run(args);
    assertEquals(0, result.code(), result.err());
    return result;
  }

  /** Returns the activations of a run with edits, written to a file and read back. */
  private SafetensorsFile cache(String text, String hooks, String... edits) throws IOException {
    Path file = directory.resolve("cache.safetensors");
    List<String> args = new ArrayList<>(List.of("lens", "cache", "-p", text, "--hooks", hooks));
    args.addAll(List.of("-o", file.toString()));
    for (String edit : edits) {
      args.addAll(List.of("--edit", edit));
    }
    done(args.toArray(String[]::new));
    return SafetensorsFile.read(file);
  }

  private float[] edited(String hook, String edit) throws IOException {
    return cache(TEXT, hook, edit).floats(hook);
  }

  /** Writes a file with one tensor and returns its reference. */
  private String file(String tensor, long[] shape, float... values) throws IOException {
    Path path = directory.resolve(tensor + ".safetensors");
    List<Long> sizes = Arrays.stream(shape).boxed().toList();
    try (Arena arena = Arena.ofConfined();
        var writer =
            SafetensorsWriter.create(
                path, List.of(new Entry(tensor, Dtype.F32, sizes)), Map.of())) {
      writer.write(tensor, arena.allocateFrom(ValueLayout.JAVA_FLOAT, values));
      writer.finish();
    }
    return path + ":" + tensor;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        HOOK + " add 0 plus 'I weep' 'O grief' minus 'I laugh'",
        HOOK + " add 0 1",
        HOOK + " scale 1",
        HOOK + " clamp -inf inf",
        HOOK + " noise 0",
        HOOK + " patch '" + TEXT + "'",
        HOOK + "[2:] patch '" + TEXT + "'",
        "blocks.*.attn.hook_pattern scale 1",
        "blocks.*.attn.hook_attn_scores[2, :, 1:3] add 0 1",
        "blocks.0.attn.hook_pattern patch '" + TEXT + "'",
      })
  void neutralEditsKeepBits(String edit) {
    JsonNode json = edited(edit);
    assertEquals(0, json.get("kl_bits").doubleValue());
    for (JsonNode row : json.get("next")) {
      assertEquals(row.get("before"), row.get("after"));
    }
  }

  /** The activations of all tokens after a block determine the logits. */
  @Test
  void patchingAllPositionsReproducesTheOtherRun() {
    JsonNode patched = edited(HOOK + " patch '" + OTHER + "'");
    String[] plain = {"lens", "edit", "-p", OTHER, "--json", "--edit", HOOK + " scale 1"};
    JsonNode other = done(plain).json();
    Map<Integer, Double> expected =
        Map.of(
            other.get("next").get(0).get("id").intValue(),
            other.get("next").get(0).get("before").doubleValue());
    for (JsonNode row : patched.get("next")) {
      if (expected.containsKey(row.get("id").intValue())) {
        assertEquals(expected.get(row.get("id").intValue()), row.get("after").doubleValue());
        return;
      }
    }
    throw new AssertionError(patched);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "blocks.2.attn.hook_z[:, 3] zero | blocks.2.attn.hook_z[:, 3:4, :] scale 0",
        "blocks.2.attn.hook_z[-1, -1, 4] zero | blocks.2.attn.hook_z[6, 7, 4:5] set 0",
        "blocks.2.attn.hook_z[:, :, 4] set 1 | blocks.2.attn.hook_z[:, :, 4] clamp 1 1",
        "blocks.2.attn.hook_pattern[1:3] zero | blocks.2.attn.hook_pattern[1:3] set 0",
        "blocks.2.attn.hook_pattern zero | blocks.2.attn.hook_pattern set 0",
        "blocks.2.attn.hook_pattern[5] zero | blocks.2.attn.hook_pattern[5, :, 0:] scale 0",
        "blocks.1.mlp.hook_post[:, 7] set 3 | blocks.1.mlp.hook_post[0:7, 7:8] set 3",
        "hook_embed[2] patch 'My lord'[1] | hook_embed[2:3] patch 'My king'[1:2]",
        "hook_embed[2] patch #5,12[1] | hook_embed[2] patch #9,12,700[1]",
        "hook_embed add 1 plus #0,5 minus #12 | hook_embed add 1 plus #5 minus #0,12",
      })
  void equivalentEditsAgree(String edit, String same) {
    JsonNode one = edited(edit);
    assertEquals(one.get("next"), edited(same).get("next"));
    assertTrue(one.get("kl_bits").doubleValue() > 0, edit);
  }

  /** Texts begin with the token 0. */
  @Test
  void idsReplaceTheirText() {
    String ids = "0," + done("tokenize", "--ids", OTHER).out().replaceAll("[^0-9,]", "");
    for (String operation : List.of("patch", "mean", "resample")) {
      String edit = HOOK + "[:4] " + operation + " ";
      JsonNode ofText = edited(edit + "'" + OTHER + "'");
      assertEquals(ofText.get("next"), edited(edit + "#" + ids).get("next"), operation);
    }
  }

  @Test
  void readsVectorsFromFiles() throws IOException {
    float[] own = cache(TEXT, HOOK).floats(HOOK);
    String saved = file(HOOK, new long[] {7, 256}, own);
    String name = saved.substring(0, saved.indexOf(':'));
    float[] none = edited(HOOK, HOOK + " add -1 " + saved);
    assertArrayEquals(new float[own.length], none);
    assertArrayEquals(own, edited(HOOK, HOOK + " set " + name));
    float[] last = edited(HOOK, HOOK + "[0] set " + saved + "[-1]");
    assertArrayEquals(
        Arrays.copyOfRange(own, 6 * 256, 7 * 256), Arrays.copyOf(last, 256), "row of the last");
    float[] some = edited(HOOK, HOOK + "[1:3, 5:8] set " + saved + "[3:5]");
    assertEquals(own[3 * 256 + 5], some[256 + 5]);
    assertEquals(own[4 * 256 + 7], some[2 * 256 + 7]);
    assertEquals(own[256 + 8], some[256 + 8]);
  }

  /** Projecting out an axis sets its element to zero. */
  @Test
  void swapsAndProjectsOutSubspaces() throws IOException {
    var axis = new float[256];
    axis[5] = 2;
    String direction = file("axis", new long[] {256}, axis);
    assertArrayEquals(
        edited(HOOK, HOOK + "[:, 5] zero"), edited(HOOK, HOOK + " project_out " + direction));
    axis[5] = 1;
    String basis = file("basis", new long[] {1, 256}, axis);
    String text = " '" + OTHER + "'";
    float[] swapped = edited(HOOK, HOOK + " swap " + basis + text);
    assertArrayEquals(edited(HOOK, HOOK + "[:, 5] patch" + text), swapped, 1e-5f);
    String[] both = {
      HOOK + "[2] swap " + basis + text + "[4]", HOOK + "[2, 5] patch" + text + "[4]"
    };
    assertArrayEquals(edited(HOOK, both[1]), edited(HOOK, both[0]), 1e-5f);
  }

  @Test
  void replacesActivationsByOtherTexts() throws IOException {
    float[] other = cache(OTHER, HOOK).floats(HOOK);
    float[] resampled = edited(HOOK, HOOK + " resample '" + OTHER + "' seed 3");
    for (int i = 0; i < 7; i++) {
      float[] row = Arrays.copyOfRange(resampled, i * 256, (i + 1) * 256);
      boolean found = false;
      for (int j = 0; j < other.length / 256; j++) {
        found |= Arrays.equals(row, Arrays.copyOfRange(other, j * 256, (j + 1) * 256));
      }
      assertTrue(found, "row " + i);
    }
    float[] mean = edited(HOOK, HOOK + "[3] mean '" + OTHER + "'");
    double expected = 0;
    for (int j = 0; j < other.length / 256; j++) {
      expected += other[j * 256 + 9] * 256.0 / other.length;
    }
    assertEquals(expected, mean[3 * 256 + 9], 1e-5);
    float[] noise = edited(HOOK, HOOK + "[2] noise 1 seed 4");
    float[] plain = cache(TEXT, HOOK).floats(HOOK);
    assertNotEquals(plain[2 * 256], noise[2 * 256]);
    assertEquals(plain[256], noise[256]);
    assertArrayEquals(noise, edited(HOOK, HOOK + "[2] noise 1 seed 4"));
  }

  @Test
  void setsAndMasksAttention() throws IOException {
    String pattern = "blocks.1.attn.hook_pattern";
    float[] set = edited(pattern, pattern + "[3, -1, 2] set 0.5");
    assertEquals(0.5f, set[(3 * 7 + 6) * 7 + 2]);
    float[] without =
        cache(TEXT, pattern, "blocks.1.attn.hook_attn_scores[:, 2:, 1] set -inf").floats(pattern);
    double sum = 0;
    for (int key = 0; key < 7; key++) {
      sum += without[(4 * 7 + 5) * 7 + key];
    }
    assertEquals(0, without[(4 * 7 + 5) * 7 + 1]);
    assertEquals(1, sum, 1e-5);
  }

  @Test
  void appliesEditsInOtherCommands() {
    String edit = "blocks.1.hook_resid_post scale 1.5";
    JsonNode dla = done("lens", "dla", "-p", TEXT, "--edit", edit, "--json").json();
    double logit = dla.get("logit").doubleValue();
    assertTrue(dla.get("parts").has("edits"), dla.toString());
    assertEquals(logit, dla.get("sum").doubleValue(), 0.05 * Math.max(1, Math.abs(logit)));
    Cli tokens = Cli.run("lens", "dla", "-p", TEXT, "--by", "token", "--edit", edit);
    assertTrue(tokens.err().contains("are not supported for parts by token"), tokens.err());
    JsonNode lens = done("lens", "logits", "-p", TEXT, "--edit", edit, "--json").json();
    JsonNode cell = lens.get("hooks").get("blocks.3.hook_resid_post").get(6).get("top").get(0);
    JsonNode rows = edited(edit).get("next");
    double max = 0;
    for (JsonNode row : rows) {
      max = Math.max(max, row.get("after").doubleValue());
    }
    assertEquals(max, cell.get("probability").doubleValue(), 1e-3);
    String[] attention = {"lens", "attention", "-p", TEXT, "--layer", "1", "--head", "2", "--json"};
    List<String> args = new ArrayList<>(List.of(attention));
    args.addAll(List.of("--edit", "blocks.1.attn.hook_pattern[2, 3] zero"));
    JsonNode pattern = done(args.toArray(String[]::new)).json().get("pattern");
    assertEquals(0, pattern.get(3).get(0).doubleValue());
    assertTrue(pattern.get(4).get(0).doubleValue() > 0);
  }

  @Test
  void generatesWithAndWithoutEdits() {
    String[] arguments = {"lens", "edit", "-p", "KING.", "-n", "8", "--temp", "0", "--edit"};
    List<String> args = new ArrayList<>(List.of(arguments));
    args.addAll(List.of("blocks.1.hook_resid_post add 20 plus 'I weep' minus 'I laugh'"));
    String out = done(args.toArray(String[]::new)).out();
    args.add("--json");
    JsonNode json = done(args.toArray(String[]::new)).json();
    String[] run = {"run", "--raw", "-p", "KING.", "-n", "8", "--temp", "0", "--json"};
    assertEquals(done(run).json().get("ids"), json.get("before").get("ids"));
    assertFalse(json.get("after").get("ids").equals(json.get("before").get("ids")));
    assertTrue(out.contains("after:" + json.get("after").get("text").stringValue()), out);
    assertTrue(out.startsWith("next token           before %  after %\n"), out);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "similar: blocks.1.hook_resid_post | blocks.1.hook_resid_pots zero",
        "unknown operation project; did you mean project_out? | hook_embed project 1",
        "missing operation; available: zero, set, add | hook_embed",
        "head of blocks.1.attn.hook_z 9: must be within 0 to 7 | blocks.1.attn.hook_z[:, 9] zero",
        "position of hook_embed 7: must be within 0 to 6 | hook_embed[7] zero",
        "it has 2 axes | hook_embed[1, 2, 3] zero",
        "must be numbers or ranges | hook_embed[1 2] zero",
        "unclosed bracket | hook_embed[1 zero",
        "unclosed quote | hook_embed patch 'a",
        "needs a factor | hook_embed scale",
        "factor two must be a number | hook_embed scale two",
        "too many arguments for zero | hook_embed zero 1",
        "value a must be a number | hook_embed set 'a'",
        "the other text has 2 | hook_embed patch 'a'",
        "#1,x must be token ids such as #5,12 | hook_embed patch #1,x",
        "# must be token ids such as #5,12 | hook_embed patch #",
        "token id 2048: must be 0 to 2047 | hook_embed patch #1,2048",
        "a must be a text in quotes, or token ids such as #5,12 | hook_embed patch a",
        "no.safetensors | hook_embed set no.safetensors:x",
        "directions need contiguous elements | blocks.1.attn.hook_z[:, :, 1] project_out"
            + " a.safetensors",
        "cannot be edited | blocks.1.attn.hook_result zero",
        "the lower must not exceed | hook_embed clamp 2 1",
        "standard deviation -1.0: must be finite and not negative | hook_embed noise -1",
      })
  void reportsInvalidEdits(String expected, String edit) {
    Cli result = Cli.run("lens", "edit", "-p", TEXT, "--edit", edit);
    assertEquals(1, result.code(), result.err());
    assertTrue(result.err().contains(expected), result.err());
    assertFalse(result.err().contains("\tat "), result.err());
  }

  @Test
  void requiresAnEdit() {
    Cli result = Cli.run("lens", "edit", "-p", TEXT);
    assertEquals(2, result.code(), result.err());
    assertTrue(result.err().contains("Missing required option"), result.err());
  }

  /** The logit of the next token, explained by all commands that take edits, is the same. */
  @Test
  void commandsExplainTheChangedModel() throws IOException {
    String[] edit = {"--edit", "blocks.1.hook_mlp_out scale 0.5"};
    double logit =
        done("lens", "dla", "-p", TEXT, "--token", " be", "--json", edit[0], edit[1])
            .json()
            .get("logit")
            .doubleValue();
    for (String command : List.of("attribute", "occlusion")) {
      String[] options = {"lens", command, "-p", TEXT, "--token", " be", "--metric", "logit"};
      double plain = metric(options);
      double edited = metric(append(options, edit));
      assertNotEquals(plain, edited, 1e-3, command);
      assertEquals(logit, edited, 1e-4, command);
    }
    String[] patch = {"lens", "patch", "--clean", TEXT, "--corrupt", OTHER, "--answer", " be"};
    String[] whole = append(patch, "--wrong", " make", "--site", "head", "--json");
    assertNotEquals(
        done(whole).json().get("scores"), done(append(whole, edit)).json().get("scores"));
    Path pairs = directory.resolve("pairs.tsv");
    Files.writeString(pairs, TEXT + "\t" + OTHER + "\t be\t make\n");
    for (String command : List.of("attribute", "occlusion")) {
      String[] options = {"lens", command, "--pairs", pairs.toString()};
      Cli several = Cli.run(append(options, edit));
      assertEquals(2, several.code(), several.err());
      assertTrue(several.err().contains("--edit: requires a single text"), several.err());
    }
  }

  /** The parts of the changed stream have its length, with what an edit adds to the stream. */
  @Test
  void decomposesTheChangedStream() throws IOException {
    String last = "blocks.3.hook_resid_post";
    for (String edit : List.of(HOOK + " scale 1.5", "blocks.1.attn.hook_z[:, 2] zero")) {
      JsonNode json = done("lens", "residual", "-p", TEXT, "--edit", edit, "--json").json();
      float[] stream = cache(TEXT, last, edit).floats(last);
      int width = stream.length / 7;
      double squares = 0;
      for (int i = stream.length - width; i < stream.length; i++) {
        squares += (double) stream[i] * stream[i];
      }
      assertEquals(Math.sqrt(squares), json.get("norm").doubleValue(), 1e-4 * Math.sqrt(squares));
      JsonNode parts = json.get("parts");
      double shares = 0;
      for (JsonNode part : parts) {
        shares += part.get("share").doubleValue();
      }
      assertEquals(1, shares, 1e-4, edit);
      double added = parts.get("edits").get("norm").doubleValue();
      assertEquals(edit.startsWith(HOOK), added > 0.01 * Math.sqrt(squares), edit + ": " + added);
    }
  }

  /** A dictionary reads the activations of the changed run. */
  @Test
  void showsFeaturesOfTheChangedModel() throws IOException {
    String sae = "../../docs/lens/bard-transcoders/layer_1";
    String[] features = {"lens", "sae", "features", "--sae", sae, "-p", TEXT, "--json"};
    String edit = "blocks.1.hook_resid_pre patch '" + OTHER + "'";
    String[] others = features.clone();
    others[Arrays.asList(features).indexOf(TEXT)] = OTHER;
    JsonNode other = done(others).json().get("features");
    assertNotEquals(done(features).json().get("features"), other);
    assertEquals(other, done(append(features, "--edit", edit)).json().get("features"));
  }

  private static double metric(String... args) {
    JsonNode json = done(append(args, "--json")).json();
    return json.get(json.has("value") ? "value" : "metric").doubleValue();
  }

  private static String[] append(String[] args, String... more) {
    return Stream.concat(Arrays.stream(args), Arrays.stream(more)).toArray(String[]::new);
  }
}
