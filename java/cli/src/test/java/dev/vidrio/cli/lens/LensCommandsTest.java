package dev.vidrio.cli.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** {@code vidrio lens} from its arguments to its output, on the embedded model. */
class LensCommandsTest {
  @TempDir Path directory;

  private static Cli done(String... args) {
    Cli result = Cli.run(args);
    assertEquals(0, result.code(), result.err());
    return result;
  }

  @Test
  void listsHookPoints() {
    List<String> all = done("lens", "hooks").out().lines().toList();
    assertEquals("hook_embed", all.getFirst());
    assertEquals("unembed.hook_out", all.getLast());
    // 21 points per block with hook_result; embedding, final norm and logits.
    assertEquals(4 * 21 + 4, all.size());
    JsonNode json = done("lens", "hooks", "blocks.-1.attn.*", "--json").json();
    assertEquals("blocks.3.attn.hook_q", json.get(0).stringValue());
  }

  @Test
  void showsPredictionsByLayer() {
    Cli table = done("lens", "logits", "-p", "To be, or not to");
    assertTrue(
        table.out().lines().skip(1).findFirst().orElseThrow().contains("layer 3"), table.out());
    JsonNode json = done("lens", "logits", "-p", "To be, or not to", "--top", "2", "--json").json();
    JsonNode row = json.get("hooks").get("blocks.3.hook_resid_post");
    assertEquals(json.get("tokens").size(), row.size());
    assertEquals(2, row.get(0).get("top").size());
    assertEquals(0, row.get(0).get("rank_of_final").intValue());
  }

  @Test
  void followsTokenThroughLayers() {
    String[] arguments = {"lens", "logits", "-p", "To be, or not to", "--token", " be"};
    List<String> table = done(arguments).out().lines().toList();
    assertEquals(3 + 4, table.size());
    assertTrue(table.getFirst().startsWith("\" be\" as next token after position 6, \" to\""));
    JsonNode cells =
        done(with(arguments, "--json")).json().get("hooks").get("blocks.3.hook_resid_post");
    assertEquals(7, cells.size());
    JsonNode last = cells.get(6);
    assertEquals("layer 3", table.getLast().substring(0, 7));
    String rank = table.getLast().substring(11, 20).strip();
    assertEquals(last.get("token_rank").intValue(), Integer.parseInt(rank));
    for (JsonNode candidate : last.get("top")) {
      if (candidate.get("piece").stringValue().equals(" be")) {
        assertEquals(candidate.get("probability"), last.get("token_probability"));
      }
    }
    assertEquals(2 * 7, done(with(arguments, "--positions", "1:3")).out().lines().count());
  }

  @Test
  void showsWhatComponentsPromote() {
    String[] arguments = {
      "lens", "logits", "-p", "To be, or not to", "--hooks", "*.hook_attn_out,*.hook_mlp_out"
    };
    List<String> table = done(arguments).out().lines().toList();
    assertEquals(3 + 8, table.size());
    assertTrue(table.get(3).startsWith("L0.attn "), table.get(3));
    String[] all = with(arguments, "--positions", ":", "--token", " be", "--top", "2");
    assertEquals(7 * (4 + 8), done(all).out().lines().count());
    JsonNode json = done(with(all, "--json")).json();
    JsonNode mlp = json.get("components").get("L3.mlp");
    assertEquals(7, mlp.size());
    JsonNode cell = mlp.get(6);
    assertEquals(2, cell.get("demoted").size());
    assertFalse(cell.get("promoted").get(0).has("probability"));
    JsonNode parts =
        done("lens", "dla", "-p", "To be, or not to", "--token", " be", "--json")
            .json()
            .get("parts");
    double logit = parts.get("L3.mlp").doubleValue();
    assertEquals(logit, cell.get("token_logit").doubleValue(), 1e-5 * (1 + Math.abs(logit)));
    JsonNode alone = done(with(arguments, "--softmax", "--json")).json().get("components");
    double probability =
        alone.get("L3.mlp").get(0).get("promoted").get(0).get("probability").doubleValue();
    assertTrue(probability > 0 && probability < 1);
  }

  @Test
  void limitsComponentsOfTables() {
    List<String> table =
        done("lens", "logits", "-p", "To be", "--hooks", "*.mlp.hook_post").out().lines().toList();
    assertTrue(table.get(1).startsWith("the 32 of 3072 components"), table.get(1));
    assertEquals(3 + 32, table.size());
  }

  @Test
  void attributionAddsUpToLogit() {
    JsonNode json =
        done("lens", "dla", "-p", "To be, or not to", "--token", " be", "--json").json();
    double logit = json.get("logit").doubleValue();
    assertEquals(logit, json.get("sum").doubleValue(), 0.05 * Math.max(1, Math.abs(logit)));
    assertEquals(1 + 4 * 9, json.get("parts").size());
    String text =
        done("lens", "dla", "-p", "To be, or not to", "--versus", "#5", "--by", "layer").out();
    assertTrue(text.contains("minus that of"), text);
    assertTrue(text.contains("L3.mlp"), text);
  }

  @Test
  void printsAttentionScoresAndPatterns() throws IOException {
    List<String> table = done("lens", "attention", "-p", "To be, or not").out().lines().toList();
    assertEquals(2 + 4 * 8, table.size());
    assertTrue(table.get(10).startsWith("L1.H0 "), table.get(10));
    Path bos = Files.writeString(directory.resolve("bos.json"), "[0]");
    String alone = done("lens", "attention", "--ids", bos.toString()).out().lines().toList().get(2);
    assertTrue(alone.matches("L0.H0( +-){6}"), alone);
    String[] arguments = {"lens", "attention", "-p", "To be, or not", "--layer", "-1"};
    JsonNode json = done(with(arguments, "--json")).json();
    assertEquals(8, json.get("heads").size());
    assertTrue(json.get("heads").get(0).get("induction").isNull());
    JsonNode pattern = done(with(arguments, "--head", "2", "--json")).json();
    assertEquals("blocks.3.attn.hook_pattern", pattern.get("hook").stringValue());
    double sum = 0;
    for (JsonNode weight : pattern.get("pattern").get(3)) {
      sum += weight.doubleValue();
    }
    assertEquals(1, sum, 1e-5);
    List<String> matrix = done(with(arguments, "--head", "2")).out().lines().toList();
    assertEquals(2 + json.get("tokens").size(), matrix.size());
    assertTrue(matrix.get(2).endsWith(" 100"), matrix.get(2));
  }

  private static String[] with(String[] arguments, String... more) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  @Test
  void ranksHeadsByScore() {
    String[] arguments = {"lens", "heads", "--samples", "1", "--length", "10"};
    JsonNode json = done(with(arguments, "--json")).json();
    assertEquals(32, json.get("heads").size());
    JsonNode best = json.get("heads").get(0);
    for (JsonNode head : json.get("heads")) {
      best = head.get("previous").doubleValue() > best.get("previous").doubleValue() ? head : best;
    }
    List<String> table = done(with(arguments, "--top", "3")).out().lines().toList();
    assertEquals(2 * (2 + 3 + 1) + 1, table.size());
    String name = "L" + best.get("layer").intValue() + ".H" + best.get("head").intValue();
    assertTrue(table.get(2).substring(16).startsWith(name), table.get(2));
    assertFalse(json.get("heads").get(0).has("eigenvalue_copying"));
    JsonNode heads = done(with(arguments, "--eigenvalues", "--json")).json().get("heads");
    assertTrue(Math.abs(heads.get(9).get("eigenvalue_copying").doubleValue()) <= 1);
    assertTrue(heads.get(9).get("negative_copying").isNumber());
    List<String> more = done(with(arguments, "--top", "3", "--eigenvalues")).out().lines().toList();
    assertEquals(3 * (2 + 3 + 1) + 1, more.size());
  }

  @Test
  void ranksPairsOfHeads() {
    JsonNode json = done("lens", "composition", "--json").json();
    assertEquals(32, json.get("heads").size());
    assertEquals(1 / 16.0, json.get("random").doubleValue());
    assertTrue(json.get("K").get(8).get(0).isNull());
    double best = 0;
    String pair = "";
    for (int from = 0; from < 32; from++) {
      for (int to = 0; to < 32; to++) {
        JsonNode score = json.get("V").get(from).get(to);
        if (score.isNumber() && score.doubleValue() > best) {
          best = score.doubleValue();
          pair = json.get("heads").get(from).stringValue();
          pair += " → " + json.get("heads").get(to).stringValue();
        }
      }
    }
    List<String> lines =
        done("lens", "composition", "--kind", "v", "--top", "2").out().lines().toList();
    assertEquals(4, lines.size());
    assertTrue(lines.get(2).startsWith(pair), lines.get(2));
    List<String> some =
        done("lens", "composition", "--kind", "q,k", "--head", "L1.H3").out().lines().toList();
    assertEquals(14, some.size());
    some.stream().skip(2).forEach(line -> assertEquals(3, line.split("L1.H3", -1).length, line));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "heads --samples 1 --length 10 --eigenvalues",
        "composition",
        "logits -p To.be --hooks *.hook_resid_*",
        "logits -p To.be --hooks *.hook_resid_* --token #5",
        "logits -p To.be --hooks *.hook_attn_out,*.hook_result --positions :",
        "logits -p To.be --hooks *.hook_mlp_out --token #5",
        "logits -p To.be --hooks *.hook_mlp_out --token #5 --softmax",
        "norms -p To.be",
        "cache -p To.be --hooks *,*hook_result",
        "attention -p To.be",
        "residual -p To.be",
      })
  void tablesFitTerminals(String command) {
    done(("lens " + command).split(" "))
        .out()
        .lines()
        .forEach(line -> assertTrue(line.length() <= 80, line));
  }

  /** A context and a vocabulary of 64 are smaller than the usual defaults. */
  @Test
  void defaultsFitSmallModels() throws IOException {
    String model = TinyModels.write(directory.resolve("mpt.gguf"), "mpt").toString();
    JsonNode heads = done("lens", "heads", "-m", model, "--samples", "1", "--json").json();
    assertEquals(31, heads.get("length").intValue());
    Path text = Files.writeString(directory.resolve("ids.json"), Arrays.toString(new int[100]));
    String[] examples = {"lens", "examples", "-m", model, "--ids", text.toString()};
    done(with(examples, "--head", "L0.H0"));
  }

  @Test
  void reportsPartsBeforeSoftCap() throws IOException {
    String model = TinyModels.write(directory.resolve("gemma2.gguf"), "gemma2").toString();
    Path text = Files.writeString(directory.resolve("ids.json"), "[3, 5, 7]");
    String[] arguments = {"lens", "dla", "-m", model, "--ids", text.toString()};
    String first = done(arguments).out().lines().findFirst().orElseThrow();
    assertTrue(first.contains("parts, before the soft cap: "), first);
    assertTrue(done(with(arguments, "--json")).json().get("capped").booleanValue());
    assertFalse(done("lens", "dla", "-p", "To be", "--json").json().has("capped"));
  }

  @Test
  void printsNormsAndResidualParts() {
    String[] norms = {"lens", "norms", "-p", "To be, or not"};
    assertEquals(2 + 4, done(norms).out().lines().count());
    JsonNode stream =
        done(with(norms, "--json", "--top", "2"))
            .json()
            .get("hooks")
            .get("blocks.3.hook_resid_post");
    assertEquals(2, stream.get("largest").size());
    assertFalse(stream.get("largest").get(0).get("massive").booleanValue());
    String[] residual = {"lens", "residual", "-p", "To be, or not"};
    assertEquals(2 + 1 + 2 * 4, done(residual).out().lines().count());
    JsonNode json = done(with(residual, "--by", "head", "--json")).json();
    assertEquals(done(with(norms, "--json")).json().get("tokens"), json.get("tokens"));
    double sum = 0;
    for (JsonNode part : json.get("parts")) {
      sum += part.get("share").doubleValue();
    }
    assertEquals(1, sum, 1e-4);
  }

  @ParameterizedTest
  @ValueSource(strings = {"norm", "value_zeroing"})
  void mixingSharesAddUpToOne(String measure) {
    String[] arguments = {"lens", "mixing", "-p", "To be, or not", "--by", measure};
    JsonNode json = done(with(arguments, "--json")).json();
    assertEquals(4, json.get("layers").size());
    double sum = 0;
    for (JsonNode share : json.get("layers").get(3).get("rolled_out")) {
      sum += share.doubleValue();
    }
    assertEquals(1, sum, 1e-9);
    assertEquals(2 + json.get("tokens").size(), done(arguments).out().lines().count());
  }

  @Test
  void routesLeadToPrediction() {
    String[] arguments = {"lens", "routes", "-p", "To be, or not to be", "--position", "-2"};
    JsonNode json = done(with(arguments, "--threshold", "0.05", "--json")).json();
    int position = json.get("position").intValue();
    assertEquals(json.get("tokens").size() - 2, position);
    JsonNode first = json.get("edges").get(0);
    assertEquals("hook_resid_post", first.get("into").stringValue());
    assertEquals(position, first.get("to").intValue());
    long heads = 0;
    for (JsonNode edge : json.get("edges")) {
      assertTrue(edge.get("share").doubleValue() > 0.05);
      heads += edge.get("block").stringValue().matches("L\\d\\.H\\d") ? 1 : 0;
    }
    String out = done(with(arguments, "--threshold", "0.05", "--top", "1000")).out();
    assertTrue(out.contains(": " + json.get("edges").size() + "\n"), out);
    assertEquals(3 + heads, out.lines().count(), out);
    assertEquals(3 + 2, done(with(arguments, "--top", "2")).out().lines().count());
  }

  @Test
  void averagesRoutes() throws IOException {
    String[] arguments = {
      "lens", "routes", "-p", "To be, or not to be, that is the question", "--average"
    };
    JsonNode json = done(with(arguments, "--length", "5", "--json")).json();
    assertEquals(4 * (8 + 1), json.get("components").size());
    assertEquals("L0.H0", json.get("components").get(0).get("block").stringValue());
    String out = done(with(arguments, "--top", "5")).out();
    assertEquals(3 + 5, out.lines().count(), out);
    Path page = directory.resolve("page.html");
    done(with(arguments, "-o", page.toString()));
    assertTrue(Files.readString(page).contains("mean share"));
  }

  /** Each text is measured as by itself. */
  @Test
  void comparesRoutesOfTwoTexts() throws IOException {
    String other = "Friends, Romans, countrymen, lend me your ears";
    Path file = Files.writeString(directory.resolve("other.txt"), other);
    String[] arguments = {"lens", "routes", "-p", "To be, or not to be", "--average"};
    String[] compared = with(arguments, "--against", file.toString());
    JsonNode json = done(with(compared, "--json")).json();
    JsonNode here = done(with(arguments, "--json")).json();
    JsonNode there =
        done(new String[] {"lens", "routes", "-p", other, "--average", "--json"}).json();
    assertEquals(there.get("tokens"), json.get("other_tokens"));
    double before = Double.POSITIVE_INFINITY;
    for (JsonNode part : json.get("components")) {
      String name = part.get("block").stringValue();
      assertEquals(component(here, name).get("active"), part.get("active"));
      assertEquals(component(there, name).get("active"), part.get("other_active"));
      double difference =
          Math.abs(part.get("active").doubleValue() - part.get("other_active").doubleValue());
      assertTrue(difference <= before, name);
      before = difference;
    }
    assertEquals(2 + 5, done(with(compared, "--top", "5")).out().lines().count());
    Path page = directory.resolve("domains.html");
    done(with(compared, "-o", page.toString()));
    assertTrue(Files.readString(page).contains("Components of one text"));
    String error = Cli.run("lens", "routes", "-p", "a b", "--against", file.toString()).err();
    assertTrue(error.contains("--against: needs --average"), error);
  }

  private static JsonNode component(JsonNode json, String name) {
    for (JsonNode part : json.get("components")) {
      if (part.get("block").stringValue().equals(name)) {
        return part;
      }
    }
    throw new AssertionError(name);
  }

  @Test
  void rejectsInvalidOptionsOfRoutes() {
    String[] arguments = {"lens", "routes", "-p", "To be, or not"};
    String limit = "must be from 0 to 1";
    assertTrue(Cli.run(with(arguments, "--threshold", "1.5")).err().contains(limit));
    String error = Cli.run(with(arguments, "--average", "--position", "1")).err();
    assertTrue(error.contains("--position: cannot be combined with --average"), error);
    error = Cli.run(with(arguments, "--length", "5")).err();
    assertTrue(error.contains("--length: needs --average"), error);
  }

  @Test
  void computesStatisticsByDimension() {
    String[] arguments = {
      "lens", "statistics", "-p", "To be, or not to be", "--hooks", "blocks.1.mlp.hook_post"
    };
    JsonNode json = done(with(arguments, "--json", "--top", "2", "--window", "3")).json();
    JsonNode point = json.get("hooks").get("blocks.1.mlp.hook_post");
    assertEquals(768, point.get("mean").size());
    assertEquals(json.get("tokens").intValue(), point.get("norms").size());
    JsonNode row = point.get("top").get(2);
    int dimension = row.get("dimensions").get(0).intValue();
    assertTrue(
        point.get("greatest").get(dimension).floatValue() >= row.get("values").get(0).floatValue());
    assertEquals(3, done(arguments).out().lines().count());
  }

  /** More keys than fit follow in another block, with the queries that attend to them. */
  @ParameterizedTest
  @ValueSource(strings = {"statistics", "attention --layer 1 --head 2"})
  void tablesFitLinesOf80Characters(String command) throws IOException {
    Path ids = Files.writeString(directory.resolve("ids.json"), Arrays.toString(new int[20]));
    List<String> arguments = new ArrayList<>(List.of("lens"));
    arguments.addAll(List.of(command.split(" ")));
    arguments.addAll(List.of("--ids", ids.toString()));
    List<String> lines = done(arguments.toArray(String[]::new)).out().lines().toList();
    lines.forEach(line -> assertTrue(line.length() <= 80, line));
    if (command.startsWith("attention")) {
      assertEquals(2 + 20 + 1 + 5, lines.size());
      assertEquals("  15  16  17  18  19", lines.get(22).substring(17));
      assertTrue(lines.getLast().startsWith("  19 "), lines.getLast());
    }
  }

  /** A line of help breaks only before a word that does not fit. */
  @Test
  void helpFillsLines() {
    List<String> lines =
        done("lens", "path", "--help")
            .out()
            .lines()
            .dropWhile(line -> !line.startsWith("      --"))
            .toList();
    for (int i = 0; i + 1 < lines.size(); i++) {
      String next = lines.get(i + 1);
      if (!next.isBlank() && !next.strip().startsWith("-")) {
        int word = (next.strip() + " ").indexOf(' ');
        assertTrue(lines.get(i).length() + 1 + word >= 80, lines.get(i));
      }
    }
  }

  /** JSON has the values that the table rounds; with --versus, the metric is a difference. */
  @Test
  void measuresOcclusion() {
    String[] arguments = {"lens", "occlusion", "-p", "To be, or not", "--removal", "hide"};
    JsonNode json = done(with(arguments, "--json")).json();
    int n = json.get("tokens").size();
    assertEquals(n, json.get("effects").size());
    assertEquals(0, json.get("effects").get(n - 1).doubleValue());
    List<String> lines = done(arguments).out().lines().toList();
    assertEquals(2 + n, lines.size());
    double effect = json.get("effects").get(1).doubleValue();
    assertTrue(lines.get(3).contains(String.format(Locale.ROOT, "%+.3f", effect)), lines.get(3));
    int token = json.get("token").intValue();
    JsonNode same = done(with(arguments, "--json", "--token", "#" + token)).json();
    assertEquals(json, same);
    JsonNode none = done(with(arguments, "--json", "--versus", "#" + token)).json();
    assertEquals(0, none.get("metric").doubleValue());
    String[] replace = {"lens", "occlusion", "-p", "To be, or", "--removal", "replace", "--json"};
    JsonNode replaced = done(with(replace, "--replacement", " be")).json();
    assertEquals("replace", replaced.get("removal").stringValue());
    assertEquals(0, replaced.get("effects").get(2).doubleValue());
    Cli missing = Cli.run(replace);
    assertTrue(missing.err().contains("needs --replacement"), missing.err());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "logits",
        "dla",
        "attention",
        "norms",
        "heads",
        "composition",
        "mixing",
        "routes",
        "occlusion",
        "residual"
      })
  void writesPages(String command) throws IOException {
    Path page = directory.resolve("page.html");
    String[] arguments = {"lens", command, "-o", page.toString()};
    Cli result =
        done(
            command.equals("heads") || command.equals("composition")
                ? arguments
                : with(arguments, "-p", "To be, or"));
    assertTrue(result.out().contains("page.html"), result.out());
    assertTrue(Files.readString(page).contains("vidrio lens " + command));
  }

  @ParameterizedTest
  @CsvSource({"neuron, L0.N0", "path, L3.H7←4", "token, token 4"})
  void dividesLogitsByNeuronPathAndToken(String by, String part) {
    JsonNode json = done("lens", "dla", "-p", "To be, or", "--by", by, "--json").json();
    assertTrue(json.get("tokens").size() > 1);
    assertTrue(json.get("parts").has(part), json.get("parts").propertyNames().toString());
    double sum = json.get("sum").doubleValue();
    assertEquals(json.get("logit").doubleValue(), sum, 0.02 * (1 + Math.abs(sum)));
  }

  @Test
  void ranksNeurons() {
    String[] arguments = {"lens", "neurons", "-p", "To be, or not to be, that is the question"};
    String out = done(arguments).out();
    assertEquals(11, out.lines().count(), out);
    assertTrue(out.contains("layer 3: "), out);
    JsonNode json = done(with(arguments, "--layer", "0", "--json")).json();
    assertEquals(0, json.get("layer").intValue());
    assertTrue(json.get("neurons").get(0).get("norm").doubleValue() > 0);
  }

  @Test
  void ranksRetrievalHeads() {
    String[] arguments = {
      "lens", "retrieval", "-p", "To be, or not to be", "--needle", "that is", "--question", "So"
    };
    String out = done(arguments).out();
    assertTrue(out.startsWith("5 answers repeat "), out);
    assertEquals(12, out.lines().count(), out);
    JsonNode json = done(with(arguments, "--depths", "2", "--json")).json();
    assertEquals(2, json.get("trials").intValue());
    assertEquals(32, json.get("heads").size());
    assertTrue(json.get("heads").get(0).get("score").isNumber());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "2 | must end in .html | logits -p a -o x.png",
        "1 | is neither a residual stream nor added to it | logits -p a --hooks *.hook_z",
        "1 | cannot be combined with components | logits -p a --hooks"
            + " hook_embed,*.hook_resid_pre,*_out",
        "1 | must be #0 to #2047 | logits -p a --token #2048",
        "2 | must be at least 1 | logits -p a --hooks *.hook_mlp_out --top 0",
        "2 | --softmax: needs --hooks of components | logits -p a --softmax",
        "2 | --tuned: cannot be combined | logits -p a --hooks *.hook_mlp_out --tuned x",
        "2 | needs a --layer | attention -p a --head 1",
        "1 | must be -4 to 3 | attention -p a --layer 4",
        "1 | a layer has 8 heads | attention -p a --layer 0 --head 8",
        "2 | must be at least 1 | heads --samples 0",
        "1 | must be 2 to 511 | heads --length 512",
        "2 | expected one of [Q, K, V] | composition --kind x",
        "1 | is not a head of the model | composition --head L1.H8",
        "1 | must be written as L1.H3 | composition --head 3",
        "1 | is not a residual stream | norms -p a --hooks *.hook_z",
        "1 | the text has 2 tokens | residual -p a --position 2",
        "1 | the text has 2 tokens | occlusion -p a --position 2",
        "2 | must be 0 to 256 | statistics -p a --top 300",
        "1 | not supported for derived activations | statistics -p a --hooks *.hook_pattern",
      })
  void reportsInvalidArguments(int code, String expected, String arguments) {
    Cli result = Cli.run(("lens " + arguments).split(" "));
    assertEquals(code, result.code(), result.err());
    assertTrue(result.err().contains(expected), result.err());
  }
}
