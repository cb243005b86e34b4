package dev.vidrio.cli.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import dev.vidrio.cli.io.HeatMap;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** {@code vidrio lens patch} and {@code steer} on the embedded model. */
class InterventionsTest {
  private static final List<String> PATCH =
      List.of("lens", "patch", "--clean", "The king", "--corrupt", "The queen");

  private static Cli run(List<String> first, String... more) {
    List<String> args = new ArrayList<>(first);
    args.addAll(List.of(more));
    return Cli.run(args.toArray(String[]::new));
  }

  private static Cli done(List<String> first, String... more) {
    Cli result = run(first, more);
    assertEquals(0, result.code(), result.err());
    return result;
  }

  private static Cli patch(String... more) {
    return answered("patch", more);
  }

  private static Cli answered(String command, String... more) {
    List<String> args = new ArrayList<>(PATCH);
    args.set(1, command);
    args.addAll(List.of("--answer", " his", "--wrong", " her"));
    return done(args, more);
  }

  @ParameterizedTest
  @CsvSource({"resid_pre, 4, 3", "attn_out, 4, 3", "mlp_out, 4, 3", "head, 4, 8"})
  void patchScoresEveryCell(String site, int rows, int columns) {
    JsonNode json = patch("--site", site, "--json").json();
    assertEquals(site, json.get("site").stringValue());
    assertEquals(3, json.get("clean_tokens").size());
    assertEquals(rows, json.get("scores").size());
    assertEquals(columns, json.get("scores").get(0).size());
    assertEquals("L0", json.get("rows").get(0).stringValue());
    if (site.equals("resid_pre")) {
      // Before the first block, only the last token differs.
      assertEquals(0, json.get("scores").get(0).get(1).doubleValue());
      assertEquals(1, json.get("scores").get(0).get(2).doubleValue());
    }
  }

  @Test
  void writesPageOfPatching(@TempDir Path directory) throws IOException {
    Path page = directory.resolve("patch.html");
    assertTrue(patch("-o", page.toString()).out().contains("vidrio lens patch"));
    assertTrue(Files.readString(page).contains("Activation patching"));
  }

  @Test
  @Tag("long")
  void findsAndDrawsCircuits(@TempDir Path directory) throws IOException {
    String[] threshold = {"--threshold", "0.3"};
    JsonNode json = answered("circuit", "--json", "--threshold", "0.3").json();
    int edges = json.get("edges").size();
    int candidates = json.get("candidates").intValue();
    assertTrue(0 < edges && edges < candidates, edges + " edges");
    String summary = edges + " of " + candidates + " edges";
    List<String> lines = answered("circuit", threshold).out().lines().toList();
    assertTrue(lines.getFirst().startsWith(summary), lines.getFirst());
    JsonNode any = json.get("edges").get(0);
    String name = any.get("from").stringValue() + "→" + any.get("to").stringValue();
    assertTrue(lines.stream().anyMatch(line -> line.endsWith(name)), name);
    String dot = answered("circuit", "--dot", "--threshold", "0.3").out();
    assertTrue(dot.startsWith("digraph circuit {") && dot.endsWith("}\n"), dot);
    assertTrue(dot.contains("-> \"logits\""), dot);
    Path page = directory.resolve("circuit.html");
    answered("circuit", "-o", page.toString(), "--threshold", "0.3");
    assertTrue(Files.readString(page).contains(summary));
  }

  @Test
  void drawsEdges(@TempDir Path directory) throws IOException {
    Path page = directory.resolve("edges.html");
    answered("edges", "-o", page.toString(), "--top", "7");
    assertTrue(Files.readString(page).contains("The strongest 7 of 1055 edges"));
  }

  /**
   * The curve of circuits ends at the model, and a graph file has the scores that it is made of.
   */
  @Test
  void measuresCircuitsBySize(@TempDir Path directory) throws IOException {
    Path graph = directory.resolve("graph.json");
    String[] options = {"--json", "--sizes", "0.01,0.1,1"};
    JsonNode json = answered("curve", with(options, "--graph", graph.toString())).json();
    assertEquals(1055, json.get("units").intValue());
    assertEquals("eap_ig_inputs (5 gradients, midpoint)", json.get("method").stringValue());
    JsonNode points = json.get("points");
    assertEquals(
        List.of(10, 105, 1055), points.valueStream().map(p -> p.get("units").intValue()).toList());
    assertEquals(1, points.get(2).get("faithfulness").doubleValue());
    double first = points.get(0).get("faithfulness").doubleValue();
    double second = points.get(1).get("faithfulness").doubleValue();
    double cpr = 0.09 * (first + second) / 2 + 0.9 * (second + 1) / 2;
    assertEquals(cpr, json.get("cpr").doubleValue(), 1e-9);
    JsonNode read = answered("curve", with(options, "--scores", graph.toString())).json();
    assertEquals(points, read.get("points"));
    JsonNode zero =
        answered("curve", with(options, "--level", "node", "--ablation", "zero", "--method", "eap"))
            .json();
    assertEquals("node", zero.get("level").stringValue());
    assertTrue(zero.get("empty_circuit").doubleValue() != json.get("empty_circuit").doubleValue());
    List<String> lines =
        answered("curve", "--level", "neuron", "--sizes", "0.5,1").out().lines().toList();
    assertTrue(lines.get(1).contains("neurons  edges left"), lines.get(1));
    assertTrue(lines.get(3).endsWith("1.000"), lines.get(3));
    assertTrue(lines.get(4).startsWith("CPR "), lines.get(4));
    Path page = directory.resolve("curve.html");
    answered("curve", "-o", page.toString(), "--sizes", "0.1,1");
    assertTrue(Files.readString(page).contains("Faithfulness by size"));
  }

  private static String[] with(String[] options, String... more) {
    return Stream.concat(Arrays.stream(options), Arrays.stream(more)).toArray(String[]::new);
  }

  @Test
  void scoresComponentsAndNeurons() {
    JsonNode nodes = answered("edges", "--json", "--level", "node").json().get("components");
    JsonNode neurons = answered("edges", "--json", "--level", "neuron").json().get("components");
    assertEquals(nodes.size(), neurons.size());
    for (int i = 0; i < nodes.size(); i++) {
      double sum =
          neurons.get(i).get("scores").valueStream().mapToDouble(JsonNode::doubleValue).sum();
      assertEquals(nodes.get(i).get("score").doubleValue(), sum, 1e-4);
    }
    for (String method : List.of("eap", "clean_corrupted", "information_flow_routes")) {
      JsonNode json = answered("edges", "--json", "--method", method, "--rule", "eap_ig").json();
      assertEquals(method, json.get("method").stringValue());
      assertEquals(1055, json.get("edges").size());
    }
  }

  /** Estimates of all neurons, and patched ones for the strongest. */
  @Test
  void patchesNeurons(@TempDir Path directory) throws IOException {
    JsonNode json = answered("patch-neurons", "--json", "--top", "4", "--star").json();
    assertEquals(4, json.get("strongest").size());
    JsonNode first = json.get("strongest").get(0);
    String[] name = first.get("neuron").stringValue().substring(1).split("\\.N", -1);
    JsonNode all = json.get("estimates").get(Integer.parseInt(name[0]));
    assertEquals(first.get("estimate"), all.get(Integer.parseInt(name[1])));
    assertTrue(first.get("patched").isNumber());
    String out = answered("patch-neurons", "--top", "2").out();
    assertTrue(out.contains("; 3072 neurons\nestimate  patched  neuron\n"), out);
    Path page = directory.resolve("neurons.html");
    answered("patch-neurons", "--top", "2", "-o", page.toString());
    assertTrue(Files.readString(page).contains("strongest neurons"));
  }

  /** Learned masks have scores as other methods do, and a graph file. */
  @Test
  @Tag("long")
  void learnsMasks(@TempDir Path directory) {
    String[] masks = {"--method", "masks", "--steps", "3", "--keep", "0.5", "--seed", "4"};
    Path graph = directory.resolve("graph.json");
    JsonNode json = answered("edges", with(masks, "--json", "--graph", graph.toString())).json();
    assertEquals(1055, json.get("edges").size());
    assertEquals(0.5, json.get("keep").doubleValue());
    assertEquals(4, json.get("seed").intValue());
    double score = json.get("edges").get(0).get("score").doubleValue();
    assertTrue(score > 0 && score < 1, "score " + score);
    assertTrue(json.get("kl_divergence").doubleValue() > 0);
    String out = answered("edges", with(masks, "--level", "node", "--top", "2")).out();
    assertTrue(out.contains("37 nodes\ngates: "), out);
    String[] sizes = {"--sizes", "0.5,1", "--json"};
    JsonNode curve = answered("curve", with(sizes, masks)).json();
    assertEquals("masks (3 steps, 50.0 % kept)", curve.get("method").stringValue());
    String[] gates = {"--gates", graph.toString(), "--ablation", "zero"};
    JsonNode gradient = answered("edges", with(gates, "--json")).json();
    assertEquals(1055, gradient.get("edges").size());
    assertTrue(gradient.get("kl_divergence").doubleValue() > 0);
    String scored = answered("edges", with(gates, "--top", "2")).out();
    assertTrue(scored.contains("at the gates "), scored);
    String[] ugs = {"--method", "ugs", "--steps", "2", "--ablation", "optimal", "--level", "node"};
    JsonNode uniform = answered("edges", with(ugs, "--json")).json();
    assertEquals("ugs", uniform.get("method").stringValue());
    assertEquals("optimal", uniform.get("ablation").stringValue());
    assertEquals(0.2, uniform.get("keep").doubleValue());
    JsonNode read = answered("curve", with(sizes, "--scores", graph.toString())).json();
    assertEquals(curve.get("points"), read.get("points"));
    JsonNode circuit =
        answered("circuit", with(masks, "--candidates", "90", "--ablation", "mean", "--json"))
            .json();
    assertEquals(90, circuit.get("candidates").intValue());
    assertEquals("mean", circuit.get("ablation").stringValue());
    String[] optimal = {"--scores", graph.toString(), "--ablation", "optimal", "--metric", "kl"};
    JsonNode best = answered("curve", with(sizes, optimal)).json();
    assertEquals("optimal", best.get("ablation").stringValue());
    assertTrue(best.get("empty_circuit").doubleValue() < 0.5, best.toString());
  }

  /** Over a pair and its swapped copy, both means are equal. */
  @Test
  void rejectsEqualLogitDifferences(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("pairs.tsv");
    Files.writeString(file, "The king\tThe lord\t#7\t#8\nThe lord\tThe king\t#7\t#8\n");
    Cli cli = Cli.run("lens", "circuit", "--pairs", file.toString());
    assertEquals(1, cli.code());
    String expected = "has the same logit difference as the clean text";
    assertTrue(cli.err().contains(expected), cli.err());
  }

  /** The mean over a pair and itself is that of the pair; over two pairs it is between theirs. */
  @Test
  @Tag("long")
  void findsCircuitsOverPairs(@TempDir Path directory) throws IOException {
    String one = "The king\tThe queen\t his\t her\n";
    String other = "A king\tA queen\t his\t her\n";
    Path file = directory.resolve("pairs.tsv");
    String[] circuit = {
      "lens", "circuit", "--json", "--threshold", "0.3", "--pairs", file.toString()
    };
    Files.writeString(file, one);
    JsonNode alone = done(List.of(circuit)).json();
    Files.writeString(file, one + one);
    JsonNode twice = done(List.of(circuit)).json();
    assertEquals(alone.get("edges"), twice.get("edges"));
    assertEquals(2, twice.get("pairs").intValue());
    Files.writeString(file, other);
    JsonNode second = done(List.of(circuit)).json();
    Files.writeString(file, one + other);
    JsonNode both = done(List.of(circuit)).json();
    for (String run : List.of("clean", "corrupted")) {
      String name = run + "_logit_difference";
      double mean = (alone.get(name).doubleValue() + second.get(name).doubleValue()) / 2;
      assertEquals(mean, both.get(name).doubleValue(), 1e-9);
    }
  }

  @Test
  @Tag("long")
  void evaluatesCircuits() {
    String[] options = {"--threshold", "0.05", "--without", "L0.H1,L0.mlp", "--minimality"};
    List<String> args = new ArrayList<>(List.of(options));
    String table = answered("circuit", options).out();
    args.add("--json");
    JsonNode json = answered("circuit", args.toArray(String[]::new)).json();
    double clean = json.get("clean_logit_difference").doubleValue();
    double circuit = json.get("circuit_logit_difference").doubleValue();
    assertEquals(Math.abs(clean - circuit), json.get("faithfulness").doubleValue(), 1e-12);
    assertTrue(json.get("completeness").doubleValue() >= 0);
    assertTrue(table.contains("completeness without L0.H1, L0.mlp: "), table);
    assertFalse(json.get("minimality").isEmpty());
    assertFalse(json.get("minimality").has("L0.mlp"));
    // The circuit of the whole model equals the model.
    JsonNode whole =
        answered("circuit", "--threshold", "0", "--candidates", "0", "--without", "L1.H2", "--json")
            .json();
    assertEquals(0, whole.get("completeness").doubleValue());
  }

  /** Both methods estimate the same effects, which are small here. */
  @ParameterizedTest
  @CsvSource({"q, denoising, 8", "k, noising, 4", "v, denoising, 4"})
  void estimatesByAtpStar(String site, String direction, int heads) {
    String[] options = {"--site", site, "--direction", direction, "--attribution", "--json"};
    JsonNode plain = patch(options).json();
    List<String> args = new ArrayList<>(List.of(options));
    args.add("--star");
    JsonNode star = patch(args.toArray(String[]::new)).json();
    assertEquals(
        plain.get("clean_logit_difference").doubleValue(),
        star.get("clean_logit_difference").doubleValue(),
        1e-3);
    assertEquals(heads, star.get("scores").get(0).size());
    assertEquals(heads, star.get("magnitudes").get(3).size());
    for (int l = 0; l < 4; l++) {
      for (int h = 0; h < heads; h++) {
        double expected = plain.get("scores").get(l).get(h).doubleValue();
        assertEquals(expected, star.get("scores").get(l).get(h).doubleValue(), 0.5);
      }
    }
  }

  @Test
  void rejectsNegativeThreshold() {
    List<String> args = new ArrayList<>(PATCH);
    args.set(1, "circuit");
    Cli result = run(args, "--answer", " his", "--wrong", " her", "--threshold", "-1");
    assertEquals(2, result.code());
    assertTrue(result.err().contains("threshold -1.0: must be 0 or more"), result.err());
  }

  @Test
  void printsTableOfPatching() {
    String out = patch().out();
    assertTrue(out.contains("logit difference: clean"), out);
    assertTrue(out.contains("corrupted \" queen\""), out);
    assertTrue(out.lines().anyMatch(line -> line.equals("L0    0    0  100")), out);
    assertFalse(out.contains("\033"), out);
    String heads =
        patch("--site", "head_by_position", "--direction", "noising", "--top", "5").out();
    assertEquals(5, heads.lines().filter(line -> line.startsWith("L")).count(), heads);
  }

  @Test
  void colorsCellsOnTerminals() {
    List<String> rows = List.of("L0");
    List<String> columns = List.of("0", "1", "2");
    List<List<Double>> values = List.of(List.of(0.1, 0.9, -0.5));
    assertEquals("L0   10   90  -50", new HeatMap(false).lines(rows, columns, values).getLast());
    String colored = new HeatMap(true).lines(rows, columns, values).getLast();
    assertTrue(colored.startsWith("L0   10\033[38;5;16;48;5;202m   90\033[0m"), colored);
    assertTrue(colored.endsWith("\033[38;5;16;48;5;111m  -50\033[0m"), colored);
  }

  @Test
  void splitsWideTablesIntoBlocks() {
    List<String> columns = IntStream.range(0, 20).mapToObj(Integer::toString).toList();
    List<List<Double>> values = List.of(Collections.nCopies(20, 1.0));
    List<String> lines = new HeatMap(false).lines(List.of("L0"), columns, values);
    assertEquals(4, lines.size());
    lines.forEach(line -> assertTrue(line.length() <= 80, line));
    assertTrue(lines.get(2).endsWith("   18   19"), lines.get(2));
  }

  private static List<String> steer(String strength) {
    return List.of(
        "lens",
        "steer",
        "--plus",
        "I weep",
        "--plus",
        "O grief",
        "--minus",
        "I laugh",
        "--layer",
        "1",
        "--strength",
        strength,
        "-p",
        "KING.",
        "-n",
        "12",
        "--temp",
        "0");
  }

  @Test
  void steeringByZeroChangesNothing() {
    JsonNode plain =
        done(List.of("run", "--raw", "-p", "KING.", "-n", "12", "--temp", "0", "--json")).json();
    JsonNode none = done(steer("0"), "--json").json();
    JsonNode much = done(steer("20"), "--json").json();
    assertEquals(plain.get("ids"), none.get("ids"));
    assertEquals(plain.get("text"), none.get("text"));
    assertFalse(plain.get("ids").equals(much.get("ids")));
    assertTrue(none.get("norm").doubleValue() > 0);
    assertEquals("blocks.1.hook_resid_post", none.get("hook").stringValue());
    assertEquals(none.get("text").stringValue(), done(steer("0")).out().stripTrailing());
    assertEquals("means", none.get("direction").stringValue());
    JsonNode pca = done(steer("0"), "--direction", "pca", "--json").json();
    assertEquals("pca", pca.get("direction").stringValue());
    assertEquals(none.get("text"), pca.get("text"));
    // The difference in means, along a direction, is not longer than it is.
    assertTrue(pca.get("norm").doubleValue() <= none.get("norm").doubleValue());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1 | must have as many as the clean text | patch --clean KING --corrupt To,be --answer #7"
            + " --wrong #8",
        "1 | answer no_such_token_as_this | patch --clean a --corrupt b --answer"
            + " no_such_token_as_this --wrong #8",
        "1 | wrong #2048: must be #0 to #2047 | circuit --clean a --corrupt b --answer #7 --wrong"
            + " #2048",
        "2 | requires --attribution and --site q, k or v | patch --clean a --corrupt b --answer #7"
            + " --wrong #8 --star",
        "1 | component L9.H9: unknown; components are embed, L0.H0 to | circuit --clean The,king"
            + " --corrupt The,lord --answer #7 --wrong #8 --without L9.H9",
        "1 | token #2048: must be #0 to #2047 | attribute -p a --token #2048",
        "2 | Missing required argument | patch --clean a",
        "2 | ablation zero: must be patch for eap_ig_inputs | edges --ablation zero --clean a"
            + " --corrupt b --answer #7 --wrong #8",
        "2 | metric kl: its gradient at the clean run, which patch-neurons uses, is 0 |"
            + " patch-neurons --metric kl --clean a --corrupt b",
        "2 | --ablation optimal: must be patch, mean or zero | edges --ablation optimal --clean a"
            + " --corrupt b --answer #7 --wrong #8",
        "2 | --ablation optimal: must be patch, mean or zero | circuit --ablation optimal --clean a"
            + " --corrupt b --answer #7 --wrong #8",
        "2 | --ablation optimal: must be patch, mean or zero of neurons | curve --level neuron"
            + " --ablation optimal --clean a --corrupt b --answer #7 --wrong #8",
        "2 | --method: requires --candidates, which it selects | circuit --method eap --clean a"
            + " --corrupt b --answer #7 --wrong #8",
        "2 | --keep: requires --method masks or ugs | edges --keep 0.1 --clean a --corrupt b"
            + " --answer #7 --wrong #8",
        "2 | level neuron: must be edge or node for masks | curve --method masks --level neuron"
            + " --clean a --corrupt b --answer #7 --wrong #8",
        "2 | level neuron: must be edge or node for masks | edges --method ugs --level neuron"
            + " --clean a --corrupt b --answer #7 --wrong #8",
        "2 | keep 1.0: must be above 0 and below 1 | edges --method masks --keep 1 --clean a"
            + " --corrupt b --answer #7 --wrong #8",
        "2 | --method: cannot be combined with --gates | edges --gates a.json --method eap --clean"
            + " a --corrupt b --answer #7 --wrong #8",
        "2 | --level node: must be edge with --gates | edges --gates a.json --level node --clean a"
            + " --corrupt b --answer #7 --wrong #8",
        "2 | --graph: cannot be combined with --scores | curve --graph a.json --scores b.json"
            + " --clean a --corrupt b --answer #7 --wrong #8",
        "2 | sizes 0.1: must ascend from above 0 to at most 1 | curve --sizes 0.5,0.1 --clean"
            + " The,king --corrupt The,queen --answer #7 --wrong #8",
        "2 | --json: cannot be combined with -o | edges --clean a --corrupt b --answer #7 --wrong"
            + " #8 -o x.html --json",
        "2 | --dot: cannot be combined with -o | circuit --clean a --corrupt b --answer #7 --wrong"
            + " #8 -o x.html --dot",
        "1 | must differ from the clean text | circuit --clean a --corrupt a --answer #7 --wrong"
            + " #8",
        "1 | must differ from the correct answer | edges --clean a --corrupt b --answer #7 --wrong"
            + " #7",
        "1 | layer 4: must be -4 to 3 | steer --plus a --minus b --layer 4 -p c",
        "2 | Missing required option | steer --plus a -p c",
      })
  void reportsInvalidArguments(int code, String expected, String arguments) {
    List<String> args = new ArrayList<>(List.of("lens"));
    args.addAll(List.of(arguments.split(" ")));
    Cli result = Cli.run(args.toArray(String[]::new));
    assertEquals(code, result.code(), result.err());
    assertTrue(result.err().contains(expected), result.err());
    assertFalse(result.err().contains("\tat "), result.err());
  }
}
