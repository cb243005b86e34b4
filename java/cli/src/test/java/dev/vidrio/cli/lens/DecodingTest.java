package dev.vidrio.cli.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.VocabularyProjection;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** The commands of {@code vidrio lens} that decode, on the embedded model. */
class DecodingTest {
  @TempDir static Path directory;

  private static Path text;
  private static Path sae;

  private static Cli done(String... args) {
    Cli result = Cli.run(args);
    assertEquals(0, result.code(), result.err());
    return result;
  }

  private static String[] with(String[] arguments, String... more) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  @BeforeAll
  static void train() throws IOException {
    text =
        Files.writeString(
            directory.resolve("text.txt"),
            "To be, or not to be: that is the question. The king and his queen. ".repeat(3));
    sae = directory.resolve("sae");
    String[] train = {
      "lens",
      "sae",
      "train",
      "-f",
      text.toString(),
      "--hook",
      "blocks.1.hook_resid_post",
      "-o",
      sae.toString(),
      "--features",
      "64",
      "-k",
      "4",
      "--batch",
      "16",
      "--steps",
      "20"
    };
    String out = done(train).out();
    assertTrue(out.contains("autoencoder of 64 features, 20 steps of 16 tokens"), out);
  }

  @Test
  void probesAndErasesClasses() throws IOException {
    var lines = new StringBuilder();
    for (String word : List.of("king", "lord", "son", "father", "brother", "duke")) {
      lines.append("one\tThe ").append(word).append("\n");
      lines.append("many\tThe ").append(word).append("s\n");
    }
    Path file = Files.writeString(directory.resolve("number.tsv"), lines);
    String[] arguments = {"lens", "probe", "-f", file.toString(), "--test", "0.3"};
    JsonNode json = done(with(arguments, "--json")).json();
    assertEquals("one", json.get("classes").get(0).stringValue());
    JsonNode last = json.get("hooks").get("blocks.3.hook_resid_post");
    assertEquals(1, last.get("train_accuracy").doubleValue());
    assertEquals(
        last.get("accuracy").doubleValue() - last.get("control_accuracy").doubleValue(),
        last.get("selectivity").doubleValue());
    List<String> table = done(with(arguments, "--kind", "ridge")).out().lines().toList();
    assertEquals(2 + 4, table.size());
    assertTrue(table.get(2).startsWith("blocks.0.hook_resid_post"), table.get(2));
    Path output = directory.resolve("probe.safetensors");
    done(with(arguments, "-o", output.toString()));
    SafetensorsFile directions = SafetensorsFile.read(output);
    float[] means = directions.floats("blocks.1.hook_resid_post.means");
    // With two classes, the differences in means are opposite.
    for (int j = 0; j < 256; j++) {
      assertEquals(means[j], -means[256 + j]);
    }
    for (String name : List.of("weights", "pca", "k_means")) {
      assertEquals(List.of(2L, 256L), directions.shape("blocks.1.hook_resid_post." + name));
    }
  }

  private static Path words() throws IOException {
    var lines = new StringBuilder();
    for (String noun : List.of("king", "lord", "son", "father", "brother", "duke", "prince")) {
      lines.append("The\tDET\n").append(noun).append("\tNOUN\n");
      lines.append("and\tCONJ\nhis\tDET\n").append(noun);
      lines.append("s\tNOUN\tSpaceAfter=No\n,\tPUNCT\n\n");
    }
    return Files.writeString(directory.resolve("words.tsv"), lines);
  }

  @Test
  @Tag("long")
  void probesWords() throws IOException {
    String[] arguments = {
      "lens", "probe", "--words", words().toString(), "--hooks", "blocks.0-1.hook_resid_post"
    };
    JsonNode json = done(with(arguments, "--mdl", "--json")).json();
    assertEquals(42, json.get("words").intValue());
    assertEquals(4, json.get("classes").size());
    JsonNode hook = json.get("hooks").get("blocks.1.hook_resid_post");
    assertTrue(hook.get("accuracy").doubleValue() > 0.9);
    assertEquals(84, hook.get("uniform_bits").doubleValue(), 1e-9);
    double bits = 0;
    int begin = 0;
    for (JsonNode block : hook.get("blocks")) {
      bits += block.get("bits_per_class").doubleValue() * (block.get("end").intValue() - begin);
      begin = block.get("end").intValue();
    }
    assertEquals(hook.get("description_length_bits").doubleValue(), bits, 1e-9);
    String table = done(with(arguments, "--mdl")).out();
    assertTrue(table.startsWith("42 words, 4 classes;"), table);
    for (String kind : List.of("mlp", "sparse")) {
      String[] other = with(arguments, "--kind", kind, "-k", "3", "--hidden", "8");
      JsonNode own = done(with(other, "--json")).json().get("hooks");
      assertTrue(own.get("blocks.1.hook_resid_post").get("accuracy").doubleValue() > 0.6);
      assertEquals(kind.equals("sparse"), done(other).out().contains("elements"));
    }
  }

  @ParameterizedTest
  @CsvSource({"leace,3", "inlp,6", "rlace,3"})
  void erasesInThePass(String method, int rank) throws IOException {
    Path pairs =
        Files.writeString(directory.resolve("pairs.tsv"), "The king\tThe kings\t is\t are\n");
    Path output = directory.resolve(method + ".safetensors");
    String hook = "blocks.1.hook_resid_post";
    String[] arguments = {
      "lens", "erase", "--words", words().toString(), "--hooks", hook, "--method", method
    };
    arguments = with(arguments, "--rounds", "2", "--pairs", pairs.toString());
    JsonNode json = done(with(arguments, "--json")).json();
    JsonNode unchanged = json.get("unchanged");
    JsonNode point = json.get("hooks").get(hook);
    JsonNode erased = point.get("erased");
    JsonNode random = point.get("random");
    assertEquals(rank, erased.get("rank").intValue());
    assertEquals(rank, random.get("rank").intValue());
    assertTrue(
        erased.get("probe_accuracy").doubleValue() < random.get("probe_accuracy").doubleValue());
    assertTrue(erased.get("kl").doubleValue() > random.get("kl").doubleValue());
    assertTrue(erased.get("kl_half_width").doubleValue() > 0);
    assertTrue(erased.get("loss_increase_half_width").doubleValue() > 0);
    assertEquals(0, unchanged.get("kl").doubleValue(), 1e-6);
    assertTrue(unchanged.get("preference_accuracy").doubleValue() <= 1);
    done(with(arguments, "-o", output.toString()));
    assertEquals(List.of((long) rank, 256L), SafetensorsFile.read(output).shape(hook + ".erased"));
    List<String> table =
        done(with(arguments, "--text", text.toString(), "--controls", "0")).out().lines().toList();
    assertEquals(6 + 1 + 2, table.size(), table.toString());
    assertTrue(table.get(8).stripLeading().startsWith("classes"), table.get(8));
  }

  @Test
  void drawsErasure() throws IOException {
    Path page = directory.resolve("erased.html");
    String[] arguments = {"lens", "erase", "--words", words().toString(), "--controls", "1"};
    arguments = with(arguments, "--hooks", "blocks.0.hook_resid_post", "-o", page.toString());
    assertTrue(done(arguments).out().contains("erased.html"));
    assertTrue(Files.readString(page).contains("increase of the loss in nats"));
    Cli both = Cli.run(with(arguments, "--json"));
    assertEquals(2, both.code());
    Cli rank = Cli.run("lens", "erase", "--words", words().toString(), "--rank", "1");
    assertEquals(2, rank.code());
    assertTrue(rank.err().contains("--rank: needs --method rlace"), rank.err());
  }

  @Test
  void reportsInvalidLabels() throws IOException {
    Path file = Files.writeString(directory.resolve("bad.tsv"), "The\tDET\n\nking\n");
    Cli bad = Cli.run("lens", "probe", "--words", file.toString());
    assertEquals(1, bad.code());
    assertTrue(
        bad.err().contains("line 3: must be a word, a tab character and a class"), bad.err());
    Cli ridge = Cli.run("lens", "probe", "--words", words().toString(), "--mdl", "--kind", "ridge");
    assertEquals(2, ridge.code());
    assertTrue(ridge.err().contains("--kind"), ridge.err());
    Cli many =
        Cli.run("lens", "probe", "--words", words().toString(), "--kind", "sparse", "-k", "999");
    assertTrue(many.err().contains("elements 999: must be 1 to 256"), many.err());
    assertEquals(2, Cli.run("lens", "probe").code());
  }

  @Test
  void listsFeaturesOfTokens() {
    String[] arguments = {"lens", "sae", "features", "--sae", sae.toString(), "-p", "To be, or"};
    JsonNode json = done(with(arguments, "--json")).json();
    assertEquals("blocks.1.hook_resid_post", json.get("hook").stringValue());
    JsonNode features = json.get("features");
    assertEquals(json.get("tokens").size(), features.size());
    assertEquals(4, features.get(2).size());
    assertTrue(
        features.get(2).get(0).get("value").floatValue()
            >= features.get(2).get(3).get("value").floatValue());
    List<String> table = done(with(arguments, "--top", "2")).out().lines().toList();
    assertEquals(1 + features.size(), table.size());
    assertTrue(
        table.get(3).contains("#" + features.get(2).get(0).get("feature").intValue() + " "),
        table.get(3));
  }

  @Test
  void evaluatesAutoencoder() {
    String[] arguments = {
      "lens", "sae", "evaluate", "--sae", sae.toString(), "-f", text.toString(), "--length", "16"
    };
    JsonNode json = done(with(arguments, "--json")).json();
    assertEquals(4, json.get("l0").doubleValue(), 0.5);
    assertEquals(64, json.get("density").size());
    assertTrue(json.get("loss_spliced").doubleValue() > json.get("loss").doubleValue());
    assertTrue(done(arguments).out().contains("loss recovered"));
  }

  /** Setting a feature that is never active to 0 changes nothing. */
  @Test
  void steersByFeature() {
    String[] arguments = {
      "lens",
      "sae",
      "steer",
      "--sae",
      sae.toString(),
      "-p",
      "To be",
      "-n",
      "4",
      "--temp",
      "0",
      "--feature"
    };
    JsonNode evaluation =
        done("lens", "sae", "features", "--sae", sae.toString(), "-p", "To be", "--json").json();
    int active = evaluation.get("features").get(2).get(0).get("feature").intValue();
    JsonNode steered =
        done(with(arguments, Integer.toString(active), "--value", "90", "--json")).json();
    assertEquals(4, steered.get("ids").size());
    assertEquals(active, steered.get("feature").intValue());
    String plain = done("run", "-p", "To be", "-n", "4", "--temp", "0").out();
    assertFalse(plain.contains(steered.get("text").stringValue()));
    done(with(arguments, "1", "--value", "0", "--reconstruct"));
  }

  @Test
  void decodesLayersByPatchscope() {
    String[] arguments = {"lens", "scope", "-p", "The king and his queen", "-n", "3"};
    JsonNode json = done(with(arguments, "--json")).json();
    assertEquals(4, json.get("layers").size());
    assertEquals(3, json.get("layers").get(0).get("ids").size());
    assertEquals(5, done(arguments).out().lines().count());
    // Inserting an activation at its own text, position and layer changes nothing.
    JsonNode own =
        done(
                "lens",
                "scope",
                "-p",
                "The king",
                "--target",
                "The king",
                "--layer",
                "1",
                "-n",
                "5",
                "--json")
            .json();
    JsonNode plain = done("run", "-p", "The king", "-n", "5", "--temp", "0", "--json").json();
    assertEquals(plain.get("ids"), own.get("layers").get(0).get("ids"));
    done(with(arguments, "--layer", "1", "--target-layer", "-1"));
  }

  @Test
  void findsExamplesOfNeuronsHeadsAndFeatures() {
    String[] arguments = {"lens", "examples", "-f", text.toString(), "--length", "32"};
    JsonNode json = done(with(arguments, "--neuron", "blocks.2.mlp.hook_post:17", "--json")).json();
    assertEquals(10, json.get("examples").size());
    JsonNode first = json.get("examples").get(0);
    assertTrue(
        first.get("value").floatValue() >= json.get("examples").get(9).get("value").floatValue());
    String heads = done(with(arguments, "--head", "L1.H3", "--top", "2", "--around", "2")).out();
    assertEquals(4, heads.lines().count(), heads);
    assertTrue(heads.contains("["), heads);
    done(with(arguments, "--sae", sae.toString(), "--feature", "3"));
  }

  @Test
  @Tag("long")
  void tuningReducesDivergence() {
    Path file = directory.resolve("tuned.safetensors");
    String[] tune = {
      "lens",
      "tune",
      "-f",
      text.toString(),
      "--length",
      "12",
      "-o",
      file.toString(),
      "--epochs",
      "3"
    };
    JsonNode json = done(with(tune, "--json")).json().get("hooks");
    assertEquals(3, json.size());
    JsonNode first = json.get("blocks.0.hook_resid_post");
    assertTrue(first.get("kl_bits").doubleValue() < first.get("kl_bits_untuned").doubleValue());
    assertEquals(5, done(tune).out().lines().count());
    String[] logits = {"lens", "logits", "-f", text.toString(), "--json"};
    JsonNode plain = done(logits).json().get("hooks");
    JsonNode tuned = done(with(logits, "--tuned", file.toString())).json().get("hooks");
    assertEquals(plain.get("blocks.3.hook_resid_post"), tuned.get("blocks.3.hook_resid_post"));
    double before = 0;
    double after = 0;
    for (int i = 1; i < plain.get("blocks.0.hook_resid_post").size(); i++) {
      before += plain.get("blocks.0.hook_resid_post").get(i).get("kl_bits").doubleValue();
      after += tuned.get("blocks.0.hook_resid_post").get(i).get("kl_bits").doubleValue();
    }
    assertTrue(after < before, after + " is not below " + before);
  }

  @Test
  void learnsAndTestsAlignment() throws IOException {
    var lines = new StringBuilder();
    for (String verb : List.of("said", "took", "gave", "saw")) {
      lines.append("The king " + verb + "\tThe queen " + verb + "\t her\t his\n");
      lines.append("The queen " + verb + "\tThe king " + verb + "\t his\t her\n");
    }
    Path file = Files.writeString(directory.resolve("gender.tsv"), lines);
    String[] align = {
      "lens", "align", "-f", file.toString(), "--hooks", "blocks.2.hook_resid_post", "--steps", "3"
    };
    JsonNode json = done(with(align, "--json")).json();
    assertEquals(6, json.get("train").intValue());
    assertEquals(2, json.get("test").intValue());
    JsonNode scores = json.get("hooks").get("blocks.2.hook_resid_post");
    assertTrue(scores.has("accuracy"));
    assertTrue(scores.get("mean_log_probability").doubleValue() < 0);
    assertTrue(scores.get("random_mean_log_probability").doubleValue() < 0);
    assertEquals(4, done(with(align, "-k", "0")).out().lines().count());
    // The edit swap takes the learned basis, and rejects bases that are not orthonormal.
    Path basis = directory.resolve("basis.safetensors");
    done(with(align, "-k", "2", "-o", basis.toString()));
    String hook = "blocks.2.hook_resid_post";
    assertEquals(List.of(2L, 256L), SafetensorsFile.read(basis).shape(hook));
    String edit = hook + "[1] swap " + basis + " 'The queen'";
    JsonNode swapped = done("lens", "edit", "-p", "The king", "--edit", edit, "--json").json();
    assertTrue(swapped.get("kl_bits").doubleValue() >= 0);
  }

  /** Training increases the given metric; an answer may have several tokens. */
  @Test
  void alignsByOtherMetrics() throws IOException {
    Path file =
        Files.writeString(
            directory.resolve("own.tsv"),
            "The king saw\tThe queen saw\t her own\t his own\n".repeat(4));
    String hook = "blocks.2.hook_resid_post";
    String[] align = {"lens", "align", "-f", file.toString(), "--hooks", hook, "--json"};
    for (String metric : List.of("logprob", "prob: her", "logit-diff: her/ his")) {
      JsonNode json = done(with(align, "--metric", metric, "--steps", "4")).json();
      String field =
          metric.startsWith("prob")
              ? "probability"
              : metric.startsWith("logit") ? "logit_difference" : "log_probability";
      JsonNode scores = json.get("hooks").get(hook);
      double learned = scores.get("mean_" + field).doubleValue();
      assertTrue(learned > scores.get("random_mean_" + field).doubleValue(), scores.toString());
    }
    for (String[] wrong :
        new String[][] {
          {"kl", "metric kl: reads no answer, which training makes more likely"},
          {"accuracy", "metric accuracy: has no gradient, which training uses"},
          {"prob", "answer of line 1"},
        }) {
      Cli result = Cli.run(with(align, "--metric", wrong[0]));
      assertTrue(result.err().contains(wrong[1]), result.err());
    }
  }

  @Test
  void projectsWeightsOntoVocabulary() {
    String[] head = {"lens", "weights", "--head", "L1.H3", "--top", "3"};
    assertEquals(17, done(head).out().lines().count());
    JsonNode circuits = done(with(head, "--token", " king", "--json")).json().get("vectors");
    assertEquals("attends", circuits.get(0).get("what").stringValue());
    assertEquals(3, circuits.get(1).get("tokens").size());
    String neuron = done("lens", "weights", "--neuron", "L2.N17").out();
    assertTrue(neuron.startsWith("vector     tokens\nraises     \""), neuron);
    assertEquals(7, neuron.lines().count());
    assertTrue(neuron.contains("\nW_gate +   \""), neuron);
  }

  @Test
  @Tag("long")
  void projectsVirtualHeadsAndMatricesOntoVocabulary() {
    String[] head = {"lens", "weights", "--head", "L1.H3", "--then", "L2.H0", "--vectors", "1"};
    assertEquals(5, done(head).out().lines().count());
    JsonNode written = done(with(head, "--token", " king", "--json")).json().get("vectors");
    assertEquals(1, written.size());
    assertEquals("writes", written.get(0).get("what").stringValue());
    String[] matrix = {"lens", "weights", "--ffn", "L2.W_out", "--vectors", "2", "--json"};
    JsonNode lines = done(matrix).json().get("vectors");
    assertEquals(4, lines.size());
    assertEquals("1- writes", lines.get(3).get("what").stringValue());
    assertTrue(lines.get(0).get("size").doubleValue() > lines.get(2).get("size").doubleValue());
    String reads = done("lens", "weights", "--ffn", "L0.W_gate", "--vectors", "1").out();
    assertEquals(3, reads.lines().count());
    assertTrue(reads.contains("0+ reads"), reads);
  }

  @Test
  void projectsFeaturesOntoVocabulary() throws IOException {
    String[] feature = {"lens", "weights", "--feature", "5", "--top", "3", "--json", "--sae"};
    JsonNode lines = done(with(feature, sae.toString())).json().get("vectors");
    float[] decoder = SafetensorsFile.read(sae.resolve("sae_weights.safetensors")).floats("W_dec");
    try (Model model = Model.open(BardFiles.q8())) {
      float[] row = Arrays.copyOfRange(decoder, 5 * 256, 6 * 256);
      List<VocabularyProjection.Score> raised =
          VocabularyProjection.written(Lens.of(model), row, 3);
      for (int i = 0; i < 3; i++) {
        JsonNode token = lines.get(0).get("tokens").get(i);
        assertEquals(raised.get(i).token(), token.get("id").intValue());
        assertEquals(raised.get(i).value(), token.get("value").doubleValue());
      }
    }
    // The output of an autoencoder of z is not in the basis of the residual stream.
    Path ofZ = Files.createDirectory(directory.resolve("sae-z"));
    String config = Files.readString(sae.resolve("cfg.json"));
    String hook = "blocks.1.attn.hook_z";
    Files.writeString(ofZ.resolve("cfg.json"), config.replace("blocks.1.hook_resid_post", hook));
    Files.copy(sae.resolve("sae_weights.safetensors"), ofZ.resolve("sae_weights.safetensors"));
    Cli refused = Cli.run(with(feature, ofZ.toString()));
    assertEquals(1, refused.code());
    assertTrue(
        refused.err().contains(hook + ": is neither a residual stream nor added to it"),
        refused.err());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1 | no such file | probe -f missing.tsv",
        "1 | must be a class, a tab character and a text | probe -f TEXT",
        "2 | lens sae: needs a command | sae",
        "1 | no such file | sae features --sae missing -p a",
        "1 | must be 0 to 63 | sae steer --sae SAE -p a --feature 64 --value 1",
        "2 | must be finite | sae steer --sae SAE -p a --feature 1 --value NaN",
        "1 | similar: | sae train -p a --hook blocks.1.hook_resid_pots -o OUT",
        "1 | must select one hook point | sae train -p abc --hook *.hook_resid_post -o OUT",
        "1 | has no row for each token | sae train -p abc --hook blocks.0.attn.hook_pattern -o OUT",
        "1 | has no row for each token | examples -p abc --neuron blocks.0.attn.hook_pattern:0",
        "1 | text.txt: not a directory | sae train -p abc --hook hook_embed -o TEXT/a/b",
        "1 | as many as a batch, 256 | sae train -p abc --hook blocks.1.hook_resid_post -o OUT",
        "2 | is not for --kind topk; is for standard, gated, jumprelu | sae train -p abc --hook"
            + " hook_embed -o OUT --penalty 1",
        "2 | penalty -1.0: must be 0 or more | sae train -p abc --hook hook_embed -o OUT --kind gated"
            + " --penalty -1",
        "2 | bandwidth 0.0: must be above 0 | sae train -p abc --hook hook_embed -o OUT --kind"
            + " jumprelu --bandwidth 0",
        "2 | k 1025: must be 1 to 1024 | sae train -p abc --hook hook_embed -o OUT -k 1025",
        "2 | widths: are missing | sae train -p abc --hook hook_embed -o OUT --kind matryoshka",
        "2 | must be 1 or more and ascending | sae train -p abc --hook hook_embed -o OUT --kind"
            + " matryoshka --widths 8,4",
        "2 | largest of widths 2048: must be 1 to 1024 | sae train -p abc --hook hook_embed -o OUT"
            + " --kind matryoshka --widths 2048",
        "2 | no format for transcoders | sae train -p abc --hook hook_embed --hook-out"
            + " blocks.0.hook_mlp_out -o OUT",
        "2 | warm-up -1: must be 0 | sae train -p abc --hook hook_embed -o OUT --kind gated"
            + " --warm-up -1",
        "2 | dead after 0: must be 1 | sae train -p abc --hook hook_embed -o OUT --dead-after 0",
        "2 | must be at least 2 | sae evaluate --sae SAE -p abc --length 1",
        "1 | must be -4 to 3 | scope -p a --layer 4",
        "2 | must be at least 1 | scope -p a -n 0",
        "2 | Missing required | examples -p abc",
        "1 | a colon and a number | examples -p abc --neuron blocks.0.mlp.hook_post",
        "1 | must be written as L1.H3 | examples -p abc --head 1.3",
        "2 | must end in .safetensors | tune -p abc -o x.pt",
        "1 | must have two or more; --length | tune -p abc -o x.safetensors",
        "2 | must be at least 1 | tune -p abc -o x.safetensors --epochs 0",
        "1 | no such file | logits -p abc --tuned missing.safetensors",
        "1 | must be two texts and a token | align -f TEXT",
        "2 | steps -1: must be 0 or more | align -f TEXT --steps -1",
        "2 | Missing required | weights",
        "1 | must be 0 to 7 | weights --head L1.H8",
        "1 | must be -4 to 3 | weights --head L4.H0",
        "1 | must be written as L2.N17 | weights --neuron 17",
        "1 | must be 0 to 767 | weights --neuron L0.N768",
        "2 | must be at least 1 | weights --neuron L0.N1 --top 0",
        "1 | must be written as L2.W_out | weights --ffn L2.out",
        "1 | must be -4 to 3 | weights --ffn L4.W_in",
        "1 | must be of a layer after 1 | weights --head L1.H0 --then L1.H1",
        "1 | must be 0 to 7 | weights --head L1.H0 --then L2.H8",
        "2 | needs --head | weights --neuron L0.N1 --then L1.H1",
        "1 | must be 0 to 63 | weights --sae SAE --feature 64",
        "2 | Missing required | weights --sae SAE",
        "1 | must be 0 to 767 | examples -p abc --neuron blocks.0.mlp.hook_post:768",
      })
  void reportsInvalidArguments(int code, String expected, String arguments) {
    String filled =
        arguments
            .replace("TEXT", text.toString())
            .replace("SAE", sae.toString())
            .replace("OUT", directory.resolve("out").toString());
    Cli result = Cli.run(("lens " + filled).split(" "));
    assertEquals(code, result.code(), result.err());
    assertTrue(result.err().contains(expected), result.err());
    assertFalse(result.err().contains("\tat "), result.err());
    assertFalse(Files.exists(directory.resolve("out")), "what fails leaves no directory");
  }

  @Test
  void findsInputsByOptimization() {
    String[] search = {
      "lens", "inputs", "-n", "2", "--steps", "3", "--candidates", "8", "--trials", "4"
    };
    List<String> neuron = new ArrayList<>(List.of(search));
    neuron.addAll(List.of("--neuron", "blocks.1.mlp.hook_post:17"));
    String out = Cli.run(neuron.toArray(String[]::new)).out();
    assertTrue(out.startsWith("activation of blocks.1.mlp.hook_post:17: "), out);
    assertEquals(1 + 2, out.lines().count(), out);
    List<String> metric = new ArrayList<>(List.of(search));
    metric.addAll(List.of("-p", "The king", "--token", " his", "--json"));
    JsonNode json = Cli.run(metric.toArray(String[]::new)).json();
    assertEquals(2, json.get("tokens").size());
    assertEquals("logit", json.get("metric_kind").stringValue());
    int improvements = json.get("steps").size();
    assertEquals(json.get("value"), json.get("steps").get(improvements - 1));
    for (String[] wrong :
        new String[][] {
          {"", "needs either --neuron, or --token"},
          {"--neuron x:1 --token a", "needs either --neuron, or --token"},
          {"--neuron 17", "must be a hook point, a colon and a number"},
          {"--metric accuracy", "has no gradient, which lens inputs uses"},
          {"--token #5 --trials 0", "trials 0: must be at least 1"},
        }) {
      List<String> args = new ArrayList<>(List.of("lens", "inputs"));
      args.addAll(wrong[0].isEmpty() ? List.of() : List.of(wrong[0].split(" ")));
      Cli refused = Cli.run(args.toArray(String[]::new));
      assertNotEquals(0, refused.code());
      assertTrue(refused.err().contains(wrong[1]), refused.err());
    }
  }
}
