package dev.vidrio.cli.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/**
 * {@code vidrio lens facts}, {@code rewrite}, {@code function-vector}, {@code backup} and {@code
 * compare} on the embedded model.
 */
class FactCommandsTest {
  @TempDir Path directory;

  private String facts = "";
  private String rewrites = "";
  private String text = "";

  @BeforeEach
  void writeFiles() throws IOException {
    facts =
        write(
            "facts.tsv",
            """
            Romeo\tThe love of {} is\tJuliet
            Hamlet\tThe love of {} is\tOphelia

            the king\tThe wife of {} is the\tqueen
            """);
    rewrites =
        write(
            "rewrites.tsv",
            """
            Romeo\tThe love of {} is\tJuliet\tRosaline\tWhom {} loves is\tHamlet|Paris
            Hamlet\tThe love of {} is\tOphelia\tGertrude
            """);
    text = write("text.txt", "The king is dead, long live the king. ".repeat(20));
  }

  private String write(String name, String content) throws IOException {
    return Files.writeString(directory.resolve(name), content).toString();
  }

  private static Cli run(String command, String... more) {
    List<String> args = new ArrayList<>(List.of(("lens " + command).split(" ")));
    args.addAll(List.of(more));
    return Cli.run(args.toArray(String[]::new));
  }

  private static Cli done(String command, String... more) {
    Cli result = run(command, more);
    assertEquals(0, result.code(), result.err());
    return result;
  }

  @ParameterizedTest
  @CsvSource({
    "trace --runs 1, Causal tracing, average indirect effect",
    "knock-out, Attention knock-out, does not attend to",
    "extract, Attribute rate, attributes",
    "context, Recall against context, direct"
  })
  void measuresFacts(String command, String title, String printed) throws IOException {
    String[] file = {"-f", facts, "--all"};
    String out = done("facts " + command, file).out();
    assertTrue(out.contains(printed), out);
    Path page = directory.resolve("page.html");
    done("facts " + command, "-f", facts, "--all", "-o", page.toString());
    assertTrue(Files.readString(page).contains(title));
    JsonNode json = done("facts " + command, "-f", facts, "--all", "--json").json();
    assertEquals(
        command.equals("context") ? 2 : 3,
        json.get(command.equals("context") ? "prompts" : "facts").intValue());
  }

  @Test
  void tracesEveryPartAndLayer() {
    JsonNode json =
        done("facts trace", "-f", facts, "--all", "--limit", "2", "--runs", "1", "--json").json();
    assertEquals(3, json.get("facts_read").intValue());
    assertEquals(2, json.get("facts").intValue());
    assertEquals(4, json.get("effects").get("last").size());
    assertEquals(2, json.get("effects").get("end").get(3).get("count").intValue());
    // Restoring the last stream restores the answer.
    double restored = json.get("effects").get("end").get(3).get("mean").doubleValue();
    double clean = json.get("clean_probability").get("mean").doubleValue();
    double corrupted = json.get("corrupted_probability").get("mean").doubleValue();
    assertEquals(clean - corrupted, restored, 1e-9);
  }

  @Test
  void findsDirectionsOfTruth() throws IOException {
    Path saved = directory.resolve("truth.safetensors");
    String[] options = {"-f", facts, "--all", "--folds", "2", "--save", saved.toString()};
    String out = done("facts truth", options).out();
    assertTrue(out.startsWith("2 true and 2 false statements, judged in 2 parts\n"), out);
    JsonNode json = done("facts truth", "-f", facts, "--all", "--folds", "2", "--json").json();
    assertEquals(4, json.get("accuracy").size());
    assertEquals(2, json.get("control").get(0).get("count").intValue());
    Path page = directory.resolve("truth.html");
    done("facts truth", "-f", facts, "--all", "--folds", "2", "-o", page.toString());
    assertTrue(Files.readString(page).contains("Directions of truth"));
    String edit = "blocks.2.hook_resid_post add 2 " + saved + ":blocks.2.hook_resid_post[0]";
    done("edit", "-p", "The love of Romeo is", "--edit", edit);
    refused("must be at least the folds, 3", "facts truth", "-f", facts, "--all", "--folds", "3");
  }

  @Test
  void measuresFactsByOtherMetrics() throws IOException {
    String file = write("wrong.tsv", "Romeo\tThe love of {} is\tJuliet\tRosaline\n");
    String[] options = {"-f", file, "--all", "--runs", "1", "--metric", "logit-diff"};
    String out = done("facts trace", options).out();
    assertTrue(out.contains("logit difference of the answer in logits: "), out);
    // Restoring the last stream restores the metric.
    List<String> json = new ArrayList<>(List.of(options));
    json.add("--json");
    JsonNode traced = done("facts trace", json.toArray(String[]::new)).json();
    double clean = traced.get("clean_logit_difference").get("mean").doubleValue();
    double corrupted = traced.get("corrupted_logit_difference").get("mean").doubleValue();
    assertEquals(
        clean - corrupted, traced.get("effects").get("end").get(3).get("mean").doubleValue(), 1e-9);
    String[] same = {"-f", file, "--all", "--metric", "logit-diff", "--json"};
    JsonNode blocked = done("facts knock-out", same).json();
    assertEquals(clean, blocked.get("logit_difference").get("mean").doubleValue(), 1e-6);
    // Without attention to all other tokens, the change is not relative.
    same[4] = "logit";
    JsonNode logit = done("facts knock-out", same).json();
    assertEquals("logit", logit.get("metric_kind").stringValue());
    refused("wrong of Romeo", "facts knock-out", "-f", facts, "--all", "--metric", "logit-diff");
    refused(
        "answers of facts are single tokens",
        "facts trace",
        "-f",
        file,
        "--all",
        "--metric",
        "logprob: my own");
  }

  @Test
  @Tag("long")
  void rewritesFactsAsAdapter() {
    Path adapter = directory.resolve("rewritten.gguf");
    String[] options = {
      "-f",
      rewrites,
      "--text",
      text,
      "--layer",
      "1",
      "--clamp",
      "30",
      "--decay",
      "0",
      "-o",
      adapter.toString(),
      "--together"
    };
    String out = done("rewrite", options).out();
    assertTrue(out.contains("2 rewrites by ROME at layer 1, rank 2"), out);
    assertTrue(out.contains("neighborhood"), out);
    List<String> json = new ArrayList<>(List.of(options));
    json.add("--json");
    JsonNode found = done("rewrite", json.toArray(String[]::new)).json();
    assertEquals(1, found.get("after").get("efficacy").get("mean").doubleValue());
    assertEquals(2, found.get("after").get("neighborhood").get("count").intValue());
    assertEquals("Rosaline", found.get("rewrites").get(0).get("target").stringValue());
    JsonNode compared =
        done(
                "compare",
                "-p",
                "The love of Romeo is",
                "--token",
                " the",
                "--adapter",
                adapter.toString(),
                "--json")
            .json();
    double other = compared.get("other_metric").doubleValue();
    assertEquals(other, compared.get("whole").doubleValue());
    assertNotEquals(other, compared.get("metric").doubleValue());
    assertEquals(other, compared.get("by_layer").get(3).doubleValue());
    String table =
        done(
                "compare",
                "-p",
                "The love of Romeo is",
                "--adapter",
                adapter + "=0.5",
                "--into",
                "adapted")
            .out();
    assertTrue(table.contains("into the model with the adapter"), table);
    assertTrue(table.lines().toList().getLast().startsWith("all"), table);
  }

  @Test
  @Tag("long")
  void rewritesByMemitAndAlone() {
    String out =
        done(
                "rewrite",
                "-f",
                rewrites,
                "--text",
                text,
                "--method",
                "memit",
                "--layers",
                "2",
                "--layer",
                "2",
                "--steps",
                "3")
            .out();
    assertTrue(out.contains("MEMIT at layers 1 to 2, rank 2"), out);
    assertTrue(
        done("rewrite", "-f", rewrites, "--text", text, "--steps", "2", "--fast")
            .out()
            .contains("ROME at layer 0, rank 1"));
    JsonNode first =
        done("rewrite", "-f", rewrites, "--text", text, "--steps", "1", "--limit", "1", "--json")
            .json();
    assertEquals(1, first.get("rewrites").size());
    refused(
        "--limit 0: must be at least 1", "rewrite", "-f", rewrites, "--text", text, "--limit", "0");
  }

  @Test
  void findsFunctionVectors() throws IOException {
    String tasks =
        write(
            "tasks.tsv",
            """
            pair\tking\tqueen
            pair\tman\twife
            pair\tlord\tlady
            pair\tson\tchild
            pair\tduke\tfriend
            pair\tday\tnight
            """);
    Path vectors = directory.resolve("vectors.safetensors");
    String[] options = {"-f", tasks, "--shots", "2", "--prompts", "2", "--heads", "3"};
    List<String> saved = new ArrayList<>(List.of(options));
    saved.addAll(List.of("--save", vectors.toString()));
    String out = done("function-vector", saved.toArray(String[]::new)).out();
    assertTrue(out.contains("accuracy in % with 2 examples"), out);
    assertTrue(Files.size(vectors) > 4 * 256);
    List<String> json = new ArrayList<>(List.of(options));
    json.add("--json");
    JsonNode found = done("function-vector", json.toArray(String[]::new)).json();
    assertEquals(3, found.get("selected").size());
    assertEquals(32, found.get("effects").size());
    assertEquals(4, found.get("tasks").get(0).get("with_vector").size());
    json.addAll(List.of("--metric", "logprob"));
    JsonNode logs = done("function-vector", json.toArray(String[]::new)).json();
    assertEquals("logprob", logs.get("metric_kind").stringValue());
    assertNotEquals(found.get("effects"), logs.get("effects"));
    refused(
        "tasks do not have wrong answers", "function-vector", "-f", tasks, "--metric", "prob-diff");
  }

  @Test
  void findsBackupHeads() throws IOException {
    String[] options = {
      "--clean",
      "The king",
      "--corrupt",
      "The queen",
      "--answer",
      " his",
      "--wrong",
      " her",
      "--of",
      "L1.H2"
    };
    String out = done("backup", options).out();
    assertTrue(out.contains("L1.H2: direct effect"), out);
    List<String> json = new ArrayList<>(List.of(options));
    json.addAll(List.of("--by", "zero", "--json"));
    JsonNode found = done("backup", json.toArray(String[]::new)).json();
    assertEquals(2 * 9, found.get("components").size());
    double repair =
        found.get("direct").get("mean").doubleValue()
            - found.get("total").get("mean").doubleValue();
    assertEquals(repair, found.get("repair").get("mean").doubleValue(), 1e-9);
    assertTrue(found.get("repair").get("half_width").isNull());
  }

  private static void refused(String expected, String command, String... more) {
    Cli result = run(command, more);
    assertNotEquals(0, result.code());
    assertTrue(result.err().contains(expected), result.err());
  }

  @Test
  void rejectsInvalidFiles() throws IOException {
    String two = write("two.tsv", "a\tb\n");
    refused(
        "two.tsv: line 1: must be a subject, a prompt and an answer",
        "facts trace",
        "-f",
        two,
        "--all");
    refused("must have one or more lines", "facts trace", "-f", write("none.tsv", "\n"));
    String unknown = write("unknown.tsv", "Romeo\tThe love of {} is\tzzz\n");
    refused("the model predicts none of the answers", "facts knock-out", "-f", unknown);
    refused("must contain {}", "rewrite", "-f", write("r.tsv", "a\tb\tc\td\n"), "--text", text);
    refused("must end in .gguf", "rewrite", "-f", rewrites, "--text", text, "-o", "x.html");
    refused(
        "must be written as L1.H3",
        "backup",
        "--clean",
        "a",
        "--corrupt",
        "b",
        "--answer",
        " his",
        "--wrong",
        " her",
        "--of",
        "H3");
    refused("no such file", "compare", "-p", "a", "--adapter", directory + "/none.gguf");
  }
}
