package dev.vidrio.cli.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import dev.vidrio.lens.MetricKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** {@code --metric} and {@code --pairs} of the commands, on the embedded model. */
class MetricsTest {
  private static final String PAIRS =
      """
      The king\tThe queen\t his\t her
      A king\tA queen\t his\t her
      The lord\tThe lady\t his\t her
      """;

  @TempDir Path directory;

  private static Cli done(String... args) {
    Cli result = Cli.run(args);
    assertEquals(0, result.code(), result.err());
    return result;
  }

  private static String[] pair(String command, String... more) {
    List<String> args =
        new ArrayList<>(List.of("lens", command, "--clean", "The king", "--corrupt", "The queen"));
    args.addAll(List.of(more));
    return args.toArray(String[]::new);
  }

  private Path pairs(String name, String text) throws IOException {
    return Files.writeString(directory.resolve(name), text);
  }

  /** Every metric patches; its name is that of the results. */
  @ParameterizedTest
  @EnumSource(MetricKind.class)
  void patchesByEveryMetric(MetricKind kind) {
    String[] args =
        pair(
            "patch",
            "--answer",
            " his",
            "--wrong",
            " her",
            "--site",
            "head",
            "--metric",
            kind.key());
    List<String> all = new ArrayList<>(List.of(args));
    if (kind == MetricKind.ACCURACY) {
      all.set(all.indexOf(" his"), "#" + 7);
      Cli equal = Cli.run(all.toArray(String[]::new));
      assertTrue(equal.code() == 0 || equal.err().contains("metric equals"), equal.err());
      return;
    }
    String out = done(args).out();
    assertTrue(out.startsWith(kind.label() + ": clean "), out);
    assertTrue(out.contains("% of " + kind.label() + " recovered"), out);
    all.add("--json");
    JsonNode json = done(all.toArray(String[]::new)).json();
    assertEquals(kind.key(), json.get("metric_kind").stringValue());
    assertTrue(json.has("clean_" + kind.field()), json.toString());
    assertEquals(kind.needsAnswers(), json.has("answer"));
  }

  /** Without answers, and with sets of tokens of the command line. */
  @Test
  void asksOtherQuestions() {
    JsonNode kl = done(pair("patch", "--metric", "kl", "--json")).json();
    assertEquals(0, kl.get("clean_kl_divergence").doubleValue(), 1e-9);
    assertTrue(kl.get("corrupted_kl_divergence").doubleValue() > 0);
    JsonNode sets = done(pair("path", "--metric", "prob-diff: his, him/ her", "--json")).json();
    double wide = sets.get("clean_probability_difference").doubleValue();
    JsonNode one =
        done(pair("path", "--metric", "prob-diff", "--answer", " his", "--wrong", " her", "--json"))
            .json();
    assertTrue(wide > one.get("clean_probability_difference").doubleValue());
    JsonNode fields =
        done(pair(
                "measure",
                "--metric",
                "prob-diff",
                "--answer",
                " his, him",
                "--wrong",
                " her",
                "--json"))
            .json();
    assertEquals(wide, fields.get("clean_probability_difference").doubleValue(), 1e-12);
  }

  /** The log-probability of an answer of several tokens is the sum of theirs. */
  @Test
  void measuresAnswersOfSeveralTokens() {
    String[] circuit =
        pair(
            "circuit",
            "--metric",
            "logprob",
            "--answer",
            " his own",
            "--threshold",
            "0.3",
            "--json");
    double both = done(circuit).json().get("clean_log_probability").doubleValue();
    double sum = 0;
    for (String[] step : new String[][] {{"The king", " his"}, {"The king his", " own"}}) {
      sum +=
          done("lens", "ablate", "-p", step[0], "--token", step[1], "--json")
              .json()
              .get("metric")
              .doubleValue();
    }
    assertEquals(sum, both, 1e-9);
    JsonNode edges =
        done(pair("edges", "--metric", "logprob", "--answer", " his own", "--json")).json();
    assertEquals(both, edges.get("clean_log_probability").doubleValue(), 1e-9);
    String occlusion =
        done("lens", "occlusion", "-p", "The king", "--metric", "logprob: his own").out();
    assertTrue(occlusion.startsWith("log-probability of \" his own\": "), occlusion);
    assertTrue(occlusion.contains(" his"), occlusion);
    JsonNode attribute =
        done("lens", "attribute", "-p", "The king", "--metric", "logprob: his own", "--json")
            .json();
    assertEquals(both, attribute.get("value").doubleValue(), 1e-6);
  }

  @ParameterizedTest
  @ValueSource(strings = {"entropy", "kl", "prob", "logprob", "logit", "accuracy"})
  void textCommandsMeasureByName(String metric) {
    String[] text = {"-p", "The king", "--metric", metric};
    for (String command : List.of("ablate", "occlusion")) {
      JsonNode json = done("lens", command, text[0], text[1], text[2], text[3], "--json").json();
      assertEquals(metric, json.get("metric_kind").stringValue());
      assertTrue(json.get("metric").isNumber());
    }
    List<String> trace =
        new ArrayList<>(List.of("lens", "trace", "-p", "The king", "--subject", "king"));
    trace.addAll(List.of("--runs", "1", "--metric", metric, "--answer", " his"));
    String out = done(trace.toArray(String[]::new)).out();
    assertTrue(metric.startsWith("prob") == out.contains("probability after"), out);
  }

  /** The subject of a pair is the part in which its texts differ; a mean is that of each text. */
  @Test
  void tracesTheMeanOfPairs() throws IOException {
    String tsv = pairs("p.tsv", PAIRS).toString();
    JsonNode mean =
        done("lens", "trace", "--pairs", tsv, "--runs", "2", "--metric", "prob", "--json").json();
    assertEquals(3, mean.get("texts").intValue());
    double clean = 0;
    double last = 0;
    for (String[] text :
        new String[][] {{"The king", "king"}, {"A king", "king"}, {"The lord", "lord"}}) {
      JsonNode one =
          done(
                  "lens",
                  "trace",
                  "-p",
                  text[0],
                  "--subject",
                  text[1],
                  "--answer",
                  " his",
                  "--runs",
                  "2",
                  "--json")
              .json();
      clean += one.get("clean_probability").doubleValue() / 3;
      double corrupted = one.get("corrupted_probability").doubleValue();
      last += (one.get("restored").get(1).get(2).doubleValue() - corrupted) / 3;
    }
    assertEquals(clean, mean.get("clean_probability").get("mean").doubleValue(), 1e-12);
    JsonNode effects = mean.get("effects");
    assertEquals(last, effects.get("last").get(1).get("mean").doubleValue(), 1e-12);
    assertTrue(effects.get("last").get(1).get("half_width").doubleValue() > 0);
    assertEquals(1, effects.size());
  }

  @Test
  void rejectsTracesWithoutSubject() throws IOException {
    String same = pairs("same.tsv", "The king said\tThe\t his\t her\n").toString();
    for (String[] asked :
        new String[][] {
          {"-p The king --answer #1", "Missing required option: '--subject=TEXT'"},
          {"--pairs " + same + " --answer #1", "--answer: cannot be combined with --pairs"},
          {"--pairs " + same + " --subject x", "subject of line 1 \"x\": not found in the text"},
        }) {
      List<String> args = new ArrayList<>(List.of("lens", "trace"));
      args.addAll(List.of(asked[0].replace("The king", "king").split(" ")));
      Cli result = Cli.run(args.toArray(String[]::new));
      assertTrue(result.err().contains(asked[1]), result.err());
    }
    String shorter = pairs("shorter.tsv", "The king\tThe king said\t his\t her\n").toString();
    Cli result = Cli.run("lens", "trace", "--pairs", shorter);
    assertTrue(result.err().contains("corrupted text of line 1: has all tokens"), result.err());
  }

  /** Parts of several texts are the means of those of each. */
  @Test
  void directLogitAttributionAveragesPairs() throws IOException {
    String tsv = pairs("p.tsv", PAIRS).toString();
    JsonNode json = done("lens", "dla", "--pairs", tsv, "--json").json();
    double sum = 0;
    for (String line : PAIRS.lines().toList()) {
      String[] fields = line.split("\t", -1);
      sum +=
          done(
                  "lens",
                  "dla",
                  "-p",
                  fields[0],
                  "--token",
                  fields[2],
                  "--versus",
                  fields[3],
                  "--json")
              .json()
              .get("parts")
              .get("L3.mlp")
              .doubleValue();
    }
    assertEquals(3, json.get("texts").intValue());
    assertEquals("logit-diff", json.get("metric_kind").stringValue());
    assertEquals(sum / 3, json.get("parts").get("L3.mlp").doubleValue(), 1e-5);
    assertTrue(json.get("half_widths").get("L3.mlp").doubleValue() > 0);
    String out = done("lens", "dla", "--pairs", tsv, "--by", "layer", "--top", "3").out();
    assertTrue(out.startsWith("logit difference, mean of 3 texts: "), out);
    assertEquals(5, out.lines().count(), out);
    String answers = pairs("a.tsv", "The king\t\t his\nThe queen\t\t her\n").toString();
    assertTrue(done("lens", "dla", "--pairs", answers).out().startsWith("logit, mean of 2 texts"));
    Path page = directory.resolve("dla.html");
    done("lens", "dla", "--pairs", tsv, "-o", page.toString());
    assertTrue(Files.readString(page).contains("mean of 3 texts"));
    String error = Cli.run("lens", "dla", "--pairs", tsv, "--by", "token").err();
    assertTrue(error.contains("--by token: cannot be combined with --pairs"), error);
  }

  @Test
  void pathsFromFeedForwardBlocksAreByLayer() throws IOException {
    String tsv = pairs("p.tsv", PAIRS).toString();
    String[] path = {"lens", "path", "--pairs", tsv, "--from", "mlp"};
    String out = done(path).out();
    assertTrue(out.contains("remaining logit difference by layer, in %"), out);
    String[] all = Arrays.copyOf(path, path.length + 1);
    all[path.length] = "--json";
    JsonNode json = done(all).json();
    assertEquals("mlp", json.get("from").stringValue());
    assertEquals(4, json.get("scores").size());
    assertEquals(1, json.get("scores").get(0).size());
    Path page = directory.resolve("path.html");
    done("lens", "path", "--pairs", tsv, "--from", "mlp", "-o", page.toString());
    assertTrue(Files.readString(page).contains("feed-forward block"));
  }

  @Test
  void meansOverPairsHaveIntervals() throws IOException {
    String tsv = pairs("p.tsv", PAIRS).toString();
    String out = done("lens", "patch", "--pairs", tsv, "--site", "head").out();
    assertTrue(
        out.matches("(?s)logit difference, mean of 3 pairs: clean [-0-9.]+ ± [0-9.]+, .*"), out);
    assertTrue(out.contains("95 % intervals of the scores: up to ±"), out);
    JsonNode json = done("lens", "patch", "--pairs", tsv, "--site", "head", "--json").json();
    assertEquals(json.get("scores").size(), json.get("half_widths").size());
    assertTrue(json.get("clean_half_width").doubleValue() > 0);
    JsonNode measure = done("lens", "measure", "--pairs", tsv, "--json").json();
    assertEquals(
        json.get("clean_logit_difference").doubleValue(),
        measure.get("clean_logit_difference").doubleValue(),
        1e-9);
    assertEquals(3, measure.get("clean_values").size());
    String measured = done("lens", "measure", "--pairs", tsv, "--metric", "entropy").out();
    assertTrue(measured.startsWith("entropy, mean of 3 pairs, in nats\nclean "), measured);
    Path page = directory.resolve("measure.html");
    done("lens", "measure", "--pairs", tsv, "-o", page.toString());
    assertTrue(Files.readString(page).contains("Clean minus corrupted text"));
  }

  /** A zeroed head costs as much as its ablation. */
  @Test
  void measuresEffectOfEdits() throws IOException {
    String tsv = pairs("p.tsv", PAIRS).toString();
    String edit = "blocks.1.attn.hook_z[:, 2] zero";
    JsonNode measure = done("lens", "measure", "--pairs", tsv, "--edit", edit, "--json").json();
    JsonNode ablated = done("lens", "ablate", "--pairs", tsv, "--layers", "1", "--json").json();
    assertEquals(
        ablated.get("without").get(0).get(2).doubleValue() - ablated.get("metric").doubleValue(),
        measure.get("clean_change").doubleValue(),
        1e-9);
    assertEquals(3, measure.get("edited_corrupted_values").size());
    String out = done("lens", "measure", "--pairs", tsv, "--edit", edit).out();
    assertTrue(
        out.matches("(?s)logit difference, [^\\n]*\\n *before +with edits +change\\nclean .*"),
        out);
    Path page = directory.resolve("edited.html");
    done("lens", "measure", "--pairs", tsv, "--edit", edit, "-o", page.toString());
    assertTrue(Files.readString(page).contains("Change of each clean text"));
  }

  /** A mean over texts is that of each text's result. */
  @Test
  @Tag("long")
  void textCommandsAverageOverPairs() throws IOException {
    String tsv = pairs("p.tsv", PAIRS).toString();
    double sum = 0;
    for (String text : List.of("The king", "A king", "The lord")) {
      JsonNode one =
          done("lens", "occlusion", "-p", text, "--token", " his", "--versus", " her", "--json")
              .json();
      sum += one.get("effects").get(1).doubleValue() / 3;
    }
    JsonNode mean = done("lens", "occlusion", "--pairs", tsv, "--json").json();
    assertEquals(sum, mean.get("effects").get(1).doubleValue(), 1e-9);
    assertEquals(3, mean.get("texts").intValue());
    assertTrue(mean.get("half_widths").get(1).doubleValue() > 0);
    for (String command : List.of("ablate", "occlusion", "attribute")) {
      String out = done("lens", command, "--pairs", tsv).out();
      assertTrue(out.startsWith("logit difference, mean of 3 texts: "), out);
      assertTrue(out.contains("±95 %"), out);
      Path page = directory.resolve(command + ".html");
      done("lens", command, "--pairs", tsv, "-o", page.toString());
      assertTrue(Files.readString(page).contains("mean of 3 texts"));
    }
    JsonNode ablate = done("lens", "ablate", "--pairs", tsv, "--json").json();
    assertEquals(4, ablate.get("without").size());
    String[] options = {"lens", "ablate", "--pairs", tsv, "--layers", "-2", "--ablation"};
    JsonNode optimal = done(with(options, "optimal", "--json")).json();
    assertEquals("optimal", optimal.get("by").stringValue());
    assertEquals("[\"L2\"]", optimal.get("rows").toString());
    JsonNode means = optimal.get("kl_with_mean");
    for (int h = 0; h < 8; h++) {
      double best = optimal.get("kl_with_optimal").get(h).doubleValue();
      assertTrue(best <= means.get(h).doubleValue());
    }
    String text = done(with(options, "optimal", "--top", "2")).out();
    assertTrue(text.contains("without a component, mean of 8: "), text);
    JsonNode ofMeans = done(with(options, "mean", "--json")).json();
    assertEquals("mean", ofMeans.get("by").stringValue());
  }

  private static String[] with(String[] options, String... more) {
    List<String> all = new ArrayList<>(List.of(options));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  /** Pairs of a data set, as tab-separated values, JSON Lines and from standard input. */
  @Test
  void readsGeneratedDatasets() throws IOException {
    Path tsv = directory.resolve("induction.tsv");
    Path jsonl = directory.resolve("induction.jsonl");
    String[] dataset = {"lens", "dataset", "induction", "-n", "12", "--seed", "3"};
    String printed = done(dataset).out();
    for (Path file : List.of(tsv, jsonl)) {
      List<String> args = new ArrayList<>(List.of(dataset));
      args.addAll(List.of("-o", file.toString()));
      assertEquals(file + ": 12 pairs of induction\n", done(args.toArray(String[]::new)).out());
    }
    assertEquals(printed, Files.readString(tsv));
    String measured = done("lens", "measure", "--pairs", tsv.toString()).out();
    assertEquals(measured, done("lens", "measure", "--pairs", jsonl.toString()).out());
    assertEquals(measured, Cli.runWithInput(printed, "lens", "measure", "--pairs", "-").out());
    List<String> json = new ArrayList<>(List.of(dataset));
    json.add("--json");
    JsonNode object = done(json.toArray(String[]::new)).json();
    assertEquals(12, object.get("pairs").size());
    assertEquals("logit-diff", object.get("metric_kind").stringValue());
    String list = done("lens", "dataset").out();
    assertTrue(list.contains("greater-than") && list.contains("prob-diff"), list);
  }

  /** The metric after an edit is that of the run without the head. */
  @Test
  void editsShowMetricBeforeAndAfter() {
    String[] edit = {"lens", "edit", "-p", "The king", "--edit", "blocks.1.attn.hook_z[:, 2] zero"};
    JsonNode edited = done(with(edit, "--metric", "logit: his", "--json")).json();
    String[] ablate = {"lens", "ablate", "-p", "The king", "--layers", "1"};
    JsonNode ablated = done(with(ablate, "--metric", "logit: his", "--json")).json();
    assertEquals(
        ablated.get("metric").doubleValue(), edited.get("metric_before").doubleValue(), 1e-9);
    assertEquals(
        ablated.get("without").get(0).get(2).doubleValue(),
        edited.get("metric_after").doubleValue(),
        1e-9);
    String out = done(with(edit, "--token", " his", "--versus", " her")).out();
    assertTrue(out.contains("logit of \" his\" minus that of \" her\": before "), out);
    assertFalse(done(with(edit, "--json")).json().has("metric_before"));
  }

  /** Steering is an edit of the residual stream; an answer of several tokens is read at each. */
  @ParameterizedTest
  @ValueSource(strings = {"logprob: his own", "entropy", "kl"})
  void steeringShowsMetricOfTheEdit(String metric) {
    String[] text = {"-p", "The king", "-n", "2", "--temp", "0", "--metric", metric, "--json"};
    String[] steer = {
      "lens", "steer", "--plus", "I weep", "--minus", "I laugh", "--layer", "1", "--strength", "2"
    };
    JsonNode steered = done(with(steer, text)).json();
    String add = "blocks.1.hook_resid_post add 2 plus 'I weep' minus 'I laugh'";
    JsonNode edited = done(with(new String[] {"lens", "edit", "--edit", add}, text)).json();
    for (String name : List.of("metric_before", "metric_after")) {
      assertEquals(edited.get(name).doubleValue(), steered.get(name).doubleValue(), 1e-6, name);
    }
    assertFalse(edited.get("metric_before").equals(edited.get("metric_after")));
  }

  @Test
  void backwardLensReadsGradientsOfMetrics() {
    String[] backward = {"lens", "backward", "-p", "The king", "--layers", "1"};
    JsonNode given = done(with(backward, "--token", " his", "--versus", " her", "--json")).json();
    JsonNode named = done(with(backward, "--metric", "logit-diff: his/ her", "--json")).json();
    assertEquals(given, named);
    JsonNode entropy = done(with(backward, "--metric", "entropy", "--json")).json();
    assertFalse(given.get("gradients").equals(entropy.get("gradients")));
    Cli flat = Cli.run(with(backward, "--metric", "kl"));
    assertEquals(2, flat.code());
    assertTrue(flat.err().contains("which lens backward uses, is 0"), flat.err());
  }

  @Test
  void faithfulnessIsMeasuredByMetrics() {
    String[] options = {
      "lens", "faithfulness", "-p", "The king and the queen", "--orders", "2", "--portions", "0.5"
    };
    String[] removing = with(options, "--methods", "occlusion");
    JsonNode standard = done(with(removing, "--json")).json();
    assertEquals(standard, done(with(removing, "--metric", "prob", "--json")).json());
    JsonNode accuracy = done(with(removing, "--metric", "accuracy", "--json")).json();
    double value =
        accuracy.get("methods").get("occlusion").get("comprehensiveness").get("mean").doubleValue();
    assertTrue(value == 0 || value == 1, accuracy.toString());
    String out = done(with(removing, "--metric", "entropy")).out();
    assertTrue(out.startsWith("faithfulness by entropy of the prediction over 1 text"), out);
    Cli refused = Cli.run(with(options, "--methods", "gradient", "--metric", "accuracy"));
    assertTrue(refused.err().contains("which --methods gradient uses"), refused.err());
  }

  /** The probability is that of the log-probability. */
  @Test
  void relianceIsMeasuredByMetrics() {
    String[] options = {
      "lens", "reliance", "-p", "The king loves. The king", "--context", "The king", "-n", "2"
    };
    JsonNode logs = done(with(options, "--json")).json().get("answer");
    JsonNode all = done(with(options, "--metric", "prob", "--json")).json();
    for (int i = 0; i < 2; i++) {
      JsonNode token = all.get("answer").get(i);
      for (String run : List.of("with", "without")) {
        assertEquals(
            Math.exp(logs.get(i).get(run).doubleValue()), token.get(run).doubleValue(), 1e-9);
      }
    }
    String out = done(with(options, "--versus", " her")).out();
    assertTrue(out.startsWith("mean change of the logit difference: "), out);
    for (String[] wrong :
        new String[][] {
          {"kl", "--metric kl: not supported"},
          {"prob-diff", "Missing required option: '--versus=TEXT' (--metric prob-diff)"},
          {"logprob: his own", "must be a single token"},
        }) {
      Cli refused = Cli.run(with(options, "--metric", wrong[0]));
      assertTrue(refused.err().contains(wrong[1]), refused.err());
    }
  }

  @Test
  void completionAndHelpListMetrics() {
    String script = Cli.run("completion").out();
    String help = Cli.run("lens", "patch", "--help").out().replaceAll("\\s+", " ");
    for (MetricKind kind : MetricKind.values()) {
      assertTrue(script.contains(kind.key()), kind.key());
      assertTrue(help.contains(kind.key()), help);
    }
    assertTrue(script.contains("greater-than"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "2 | metric magic: unknown; available: logit-diff | patch;--metric;magic",
        "2 | metric kl: its gradient at the clean run, which eap uses, is 0 | edges;--metric;kl;"
            + "--steps;0",
        "2 | metric accuracy: has no gradient, which eap_ig_inputs uses | edges;--metric;"
            + "accuracy;--answer; his",
        "2 | metric accuracy: has no gradient, which --attribution uses | patch;--metric;accuracy;"
            + "--answer; his;--attribution",
        "2 | metric accuracy: has no gradient, which --candidates uses | circuit;--metric;accuracy;"
            + "--answer; his;--candidates;3",
        "2 | Missing required option: '--wrong=TOKEN' (--metric logit-diff) | patch;--answer; his",
        "2 | Missing required option: '--answer=TOKEN' (--metric prob) | path;--metric;prob",
        "1 | answer to be: must be a single token | patch;--answer;to be;--wrong; her",
        "1 | wrong answer | patch;--answer; his;--wrong; his",
      })
  void rejectsUnsuitableMetrics(int code, String expected, String args) {
    String[] words = args.split(";");
    Cli result =
        Cli.run(pair(words[0], List.of(words).subList(1, words.length).toArray(String[]::new)));
    assertEquals(code, result.code(), result.err());
    assertTrue(result.err().contains(expected), result.err());
  }

  @Test
  void rejectsGradientsOfTexts() throws IOException {
    String tsv = pairs("p.tsv", PAIRS + "The good king\tThe good queen\t his\t her\n").toString();
    Cli accuracy = Cli.run("lens", "attribute", "-p", "The king", "--metric", "accuracy");
    assertEquals(2, accuracy.code());
    assertTrue(accuracy.err().contains("metric accuracy: has no gradient"), accuracy.err());
    Cli flat = Cli.run("lens", "attribute", "-p", "The king", "--metric", "kl");
    assertTrue(flat.err().contains("its gradient at the clean run"), flat.err());
    done("lens", "attribute", "-p", "The king", "--metric", "kl", "--method", "ig", "--steps", "2");
    Cli lengths = Cli.run("lens", "occlusion", "--pairs", tsv);
    assertEquals(1, lengths.code());
    assertTrue(lengths.err().contains("occlusion needs texts of one length"), lengths.err());
    Cli both = Cli.run("lens", "ablate", "--pairs", tsv, "-p", "The king");
    assertEquals(2, both.code());
    assertTrue(both.err().contains("--prompt: cannot be combined with --pairs"), both.err());
    for (String[] wrong :
        List.of(
            new String[] {"patch", "must be zero, mean or optimal"},
            new String[] {"optimal", "requires --pairs"},
            new String[] {"mean", "requires --pairs or --mean-of"})) {
      Cli refused = Cli.run("lens", "ablate", "-p", "The king", "--ablation", wrong[0]);
      assertEquals(2, refused.code());
      assertTrue(refused.err().contains("--ablation " + wrong[0] + ": " + wrong[1]), refused.err());
    }
    assertFalse(Cli.run("lens", "dataset", "magic").err().isEmpty());
    assertEquals(2, Cli.run("lens", "dataset", "magic").code());
    assertEquals(1, Cli.run("lens", "dataset", "gender", "-n", "0").code());
  }
}
