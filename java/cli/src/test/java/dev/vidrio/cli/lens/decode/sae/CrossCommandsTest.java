package dev.vidrio.cli.lens.decode.sae;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Commands on features of several layers: {@code vidrio lens sae train-cross} and those after it.
 */
class CrossCommandsTest {
  /** For activations of 12 elements at a point that bard has. */
  private static final String TEMPORAL =
      "../lens/src/test/resources/dev/vidrio/lens/decode/sae/temporal";

  private static final String SPEECHES = "../../docs/lens/speeches.txt";
  private static final String TRANSCODERS = "../../docs/lens/bard-transcoders";
  private static final int LAYERS = 4;
  private static final int FEATURES = 24;

  @TempDir static Path directory;

  private static String transcoder = "";
  private static String crosscoder = "";
  private static JsonNode trained = JsonMapper.shared().createObjectNode();

  @BeforeAll
  static void train() {
    transcoder = directory.resolve("clt").toString();
    crosscoder = directory.resolve("crosscoder").toString();
    trained =
        done(train(
                "--hook",
                "*.ln2.hook_normalized",
                "--hook-out",
                "*.hook_mlp_out",
                "-k",
                "12",
                "-o",
                transcoder,
                "--json"))
            .json();
    Cli text = done(train("--hook", "*.hook_resid_post", "--penalty", "0.5", "-o", crosscoder));
    assertTrue(
        text.out().contains("crosscoder of 24 features, 20 steps of 128 tokens"), text.out());
    assertTrue(text.out().contains("active per token (L0)"), text.out());
  }

  private static String[] train(String... arguments) {
    return Stream.concat(
            Stream.of(
                "lens",
                "sae",
                "train-cross",
                "-f",
                SPEECHES,
                "--features",
                "24",
                "--steps",
                "20",
                "--batch",
                "128"),
            Arrays.stream(arguments))
        .toArray(String[]::new);
  }

  private static Cli done(String... arguments) {
    Cli result = Cli.run(arguments);
    assertEquals(0, result.code(), result.err());
    return result;
  }

  @Test
  void reportsTraining() {
    assertEquals("cross_layer_transcoder", trained.get("kind").stringValue());
    assertTrue(trained.get("error").doubleValue() < 1.2, trained.toString());
    assertEquals(12, trained.get("l0").doubleValue(), 0.1);
  }

  @Test
  void drawsGraphOfTrainedTranscoder() {
    JsonNode graph =
        done("lens", "graph", "--transcoders", transcoder, "-p", "To be, or", "--json").json();
    assertTrue(graph.get("nodes").size() > 4, graph.toString());
  }

  @Test
  void showsNormsByActivation() {
    JsonNode json = done("lens", "sae", "norms", "--sae", transcoder, "--json").json();
    assertEquals(LAYERS, json.get("activations").size());
    assertEquals(LAYERS * FEATURES, json.get("features").size());
    JsonNode last = json.get("features").get(LAYERS * FEATURES - 1);
    assertEquals("L3.F23", last.get("feature").stringValue());
    assertEquals(0, last.get("norms").get(2).doubleValue());
    assertTrue(last.get("norms").get(3).doubleValue() > 0);
    String table = done("lens", "sae", "norms", "--sae", crosscoder, "--top", "1").out();
    assertEquals(1 + LAYERS + 2 + LAYERS, table.lines().count(), table);
    assertFalse(table.contains("relative norm"), table);
  }

  @Test
  void listsFeaturesOfLayers() {
    String[] command = {"lens", "sae", "features", "-p", "To be, or", "--json", "--sae"};
    JsonNode layer = done(with(command, transcoder, "--layer", "2")).json();
    assertEquals("blocks.2.ln2.hook_normalized", layer.get("hook").stringValue());
    assertEquals(layer.get("tokens").size(), layer.get("features").size());
    JsonNode all = done(with(command, crosscoder)).json();
    assertTrue(all.get("hook").stringValue().endsWith("blocks.3.hook_resid_post"), all.toString());
    JsonNode single = done(with(command, TRANSCODERS, "--layer", "1")).json();
    JsonNode direct = done(with(command, TRANSCODERS + "/layer_1")).json();
    assertEquals(direct.get("features"), single.get("features"));
  }

  private static String[] with(String[] first, String... more) {
    return Stream.concat(Arrays.stream(first), Arrays.stream(more)).toArray(String[]::new);
  }

  @Test
  void evaluatesAllKinds() {
    String[] command = {"lens", "sae", "evaluate", "-p", "To be, or not to be", "--sae"};
    JsonNode layers = done(with(command, transcoder, "--json")).json();
    assertEquals(LAYERS, layers.get("outputs").size());
    assertEquals(LAYERS * FEATURES, layers.get("features").intValue());
    assertTrue(layers.get("loss_ablated").doubleValue() > layers.get("loss").doubleValue());
    JsonNode shared = done(with(command, crosscoder, "--json")).json();
    assertTrue(shared.get("loss_spliced").isNull(), shared.toString());
    assertTrue(done(with(command, transcoder)).out().contains("\nall "));
    JsonNode singles = done(with(command, TRANSCODERS, "--json")).json();
    assertEquals(LAYERS, singles.get("dictionaries").size());
    JsonNode one = done(with(command, TRANSCODERS, "--layer", "3", "--json")).json();
    assertEquals(singles.get("dictionaries").get(3).get("l0"), one.get("l0"));
    assertEquals(
        4,
        done(with(command, TRANSCODERS))
            .out()
            .lines()
            .filter(line -> line.contains("to blocks."))
            .count());
  }

  @Test
  void showsWeightsAndExamplesOfFeatures() {
    String[] weights = {"lens", "weights", "--feature", "5", "--sae"};
    Cli one = done(with(weights, transcoder, "--layer", "1"));
    assertTrue(one.out().contains("raises"), one.out());
    assertTrue(done(with(weights, crosscoder)).out().contains("lowers"));
    String[] examples = {"lens", "examples", "-f", SPEECHES, "--feature", "5", "--top", "1"};
    Cli found = done(with(examples, "--sae", transcoder, "--layer", "0"));
    assertFalse(found.out().isEmpty());
    Cli several = Cli.run(with(examples, "--sae", crosscoder));
    assertEquals(1, several.code());
    assertTrue(several.err().contains("must read one hook point"), several.err());
  }

  @Test
  void indexesLayers() {
    Path output = directory.resolve("index");
    JsonNode json =
        done(
                "lens",
                "sae",
                "index",
                "--sae",
                transcoder,
                crosscoder,
                "-p",
                "To be, or not to be: that is the question",
                "-o",
                output.toString(),
                "--json")
            .json();
    assertEquals(LAYERS + 1, json.get("dictionaries").size());
    JsonNode second = json.get("dictionaries").get(1);
    assertEquals("clt.layer_1", second.get("dictionary").stringValue());
    assertEquals(
        "blocks.1.hook_mlp_out,blocks.2.hook_mlp_out,blocks.3.hook_mlp_out",
        second.get("hook_out").stringValue());
    assertTrue(Files.exists(output.resolve("clt.layer_3/index.html")));
    assertTrue(Files.exists(output.resolve("crosscoder/index.jsonl")));
  }

  @Test
  void continuesFromCheckpoint() throws IOException {
    Path state = directory.resolve("state.safetensors");
    String[] command =
        train(
            "--hook",
            "*.hook_resid_post",
            "--checkpoint",
            state.toString(),
            "--checkpoint-steps",
            "1",
            "-o",
            directory.resolve("again").toString());
    assertTrue(done(command).out().contains("last step"));
    byte[] written = Files.readAllBytes(state);
    assertTrue(done(command).out().contains("the checkpoint was complete"));
    assertEquals(written.length, Files.readAllBytes(state).length);
    Cli other = Cli.run(with(command, "--seed", "1"));
    assertEquals(1, other.code());
    assertTrue(other.err().contains("seed 1: is 0 in the checkpoint"), other.err());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1 | a crosscoder has 2 activations or more | train-cross --hook hook_embed -o OUT -p a",
        "1 | must be one of each of the 4 layers | train-cross --hook hook_embed --hook-out"
            + " hook_embed -o OUT -p a",
        "2 | is for crosscoders | train-cross --hook a --hook-out b --adapter c -o OUT -p a",
        "1 | must have at least as many as a batch, 256 | train-cross --hook *.hook_resid_post -o"
            + " OUT -p abcdef",
        "2 | --layer must be one of [0, 1, 2, 3] | features --sae CLT -p a",
        "2 | --layer 4: available: [0, 1, 2, 3] | features --sae CLT --layer 4 -p a",
        "2 | --hook, --adapter: are for crosscoders | features --sae CLT --layer 1 --hook"
            + " hook_embed -p a",
        "1 | are 3 activations of 256; the crosscoder has 4 of 256 | features --sae CROSS --hook"
            + " blocks.0-2.hook_resid_post -p a",
        "2 | has one output | norms --sae ../../docs/lens/bard-transcoders",
        "2 | features of several layers, or that depend on earlier tokens, cannot be set | steer"
            + " --sae CROSS --feature 1 --value 1 -p a",
        "2 | or that depend on earlier tokens, cannot be set | steer --sae TEMPORAL --feature 1"
            + " --value 1 -p a",
        "1 | activation 256 elements: the autoencoder takes 12 | features --sae TEMPORAL -p a",
        "1 | activation 256 elements: the autoencoder takes 12 | evaluate --sae TEMPORAL -p abc",
        "1 | activation 256 elements: the autoencoder takes 12 | index --sae TEMPORAL -p abc",
        "2 | has one output | norms --sae TEMPORAL",
        "1 | no cfg.json | features --sae ../../docs/lens -p a",
      })
  void reportsInvalidArguments(int code, String message, String command) {
    String[] arguments =
        command
            .replace("CLT", transcoder)
            .replace("CROSS", crosscoder)
            .replace("TEMPORAL", TEMPORAL)
            .replace("OUT", directory.resolve("out").toString())
            .split(" ", -1);
    Cli result = Cli.run(with(new String[] {"lens", "sae"}, arguments));
    assertEquals(code, result.code(), result.err());
    assertTrue(result.err().contains(message), result.err());
  }

  @Test
  void rejectsOtherDictionariesInGraph() {
    assertNotInGraph(crosscoder, "a crosscoder");
    assertNotInGraph(TEMPORAL, "a temporal autoencoder");
  }

  private static void assertNotInGraph(String dictionary, String kind) {
    Cli result = Cli.run("lens", "graph", "--transcoders", dictionary, "-p", "To be");
    assertEquals(1, result.code());
    assertTrue(result.err().contains("is " + kind + ", which a graph does not support"));
  }
}
