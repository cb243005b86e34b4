package dev.vidrio.cli.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** {@code vidrio lens scrub}. */
class ScrubCommandTest {
  @TempDir static Path directory;

  private static Path pairs;
  private static Path whole;
  private static Path part;

  @BeforeAll
  static void write() throws IOException {
    pairs =
        Files.writeString(
            directory.resolve("pairs.jsonl"),
            """
            {"clean": "My love, my", "answer": " love", "wrong": " hate", "owner": "me"}
            {"clean": "My hate, my", "answer": " hate", "wrong": " love", "owner": "me"}
            {"clean": "Our love, our", "answer": " love", "wrong": " hate", "owner": "us"}
            {"clean": "Our hate, our", "answer": " hate", "wrong": " love", "owner": "us"}
            """);
    whole =
        Files.writeString(
            directory.resolve("whole.json"),
            """
            {"logits": ["all"], "claims": {"all": {"components": ["*"], "depends_on": ["text"]}}}
            """);
    part =
        Files.writeString(
            directory.resolve("part.json"),
            """
            {
              "logits": ["blocks"],
              "claims": {
                "blocks": {
                  "components": ["L3.mlp"],
                  "positions": [-1],
                  "depends_on": ["answer"],
                  "inputs": ["owned"]
                },
                "owned": {"components": ["L2.*"], "depends_on": ["answer", "owner"]}
              }
            }
            """);
  }

  private static Cli scrub(String... more) {
    List<String> all = new ArrayList<>(List.of("lens", "scrub", "--pairs", pairs.toString()));
    all.addAll(List.of(more));
    return Cli.run(all.toArray(String[]::new));
  }

  private static Cli done(String... more) {
    Cli result = scrub(more);
    assertEquals(0, result.code(), result.err());
    return result;
  }

  @Test
  void printsShareAndClaims() {
    List<String> lines =
        done("--hypothesis", whole.toString(), "--runs", "2").out().lines().toList();
    assertTrue(lines.get(0).startsWith("logit difference, mean of 4 texts: model "), lines.get(0));
    assertTrue(lines.get(2).matches("whole\\.json .*100\\.0 ± 0\\.0"), lines.get(2));
    assertTrue(lines.get(4).matches("all +1\\.0  embed, L0\\.H0, .* \\(\\d+\\)"), lines.get(4));
  }

  @Test
  void jsonHasDrawsOfEachRun() {
    JsonNode json =
        done(
                "--hypothesis",
                whole.toString(),
                "--hypothesis",
                part.toString(),
                "--runs",
                "3",
                "--seed",
                "7",
                "--metric",
                "prob",
                "--json")
            .json();
    assertEquals("prob", json.get("metric_kind").stringValue());
    assertEquals(4, json.get("model_values").size());
    assertEquals(1, json.get("hypotheses").get(0).get("recovered").doubleValue(), 1e-3);
    JsonNode second = json.get("hypotheses").get(1);
    assertEquals("part.json", second.get("name").stringValue());
    assertEquals("[\"logits\",\"blocks\",\"owned\"]", second.get("branches").toString());
    assertEquals(1, second.get("claims").get(1).get("agreeing_texts").doubleValue());
    assertEquals(3, second.get("runs").size());
    JsonNode run = second.get("runs").get(2);
    assertEquals(9, run.get("seed").intValue());
    assertEquals(4, run.get("values").size());
    assertEquals(-1, run.get("unclaimed").get(0).get(2).intValue());
    int agreeing = run.get("agreeing").get(0).get(1).intValue();
    assertTrue(agreeing == 0 || agreeing == 2, run.toString());
  }

  /** The only claim, made exact, recovers everything that it says it does. */
  @Test
  void testsEachClaim() throws IOException {
    Path any =
        Files.writeString(
            directory.resolve("any.json"),
            """
            {"logits": ["all"], "claims": {"all": {"components": ["*"], "depends_on": []}}}
            """);
    String[] options = {"--hypothesis", any.toString(), "--runs", "2", "--each"};
    List<String> lines = done(options).out().lines().toList();
    assertTrue(lines.get(3).contains("exact, %"), lines.get(3));
    assertTrue(lines.get(4).matches("all +4\\.0 +100\\.0 ± 0\\.0  embed.*"), lines.get(4));
    String[] json = Arrays.copyOf(options, options.length + 1);
    json[options.length] = "--json";
    JsonNode claim = done(json).json().get("hypotheses").get(0).get("claims").get(0);
    assertEquals(1, claim.get("exact_recovered").doubleValue(), 1e-3);
  }

  @Test
  void drawsPage() throws IOException {
    Path page = directory.resolve("scrub.html");
    done("--hypothesis", part.toString(), "--runs", "2", "-o", page.toString());
    assertTrue(Files.readString(page).contains("Recovered share of the logit difference"));
  }

  @Test
  void rejectsInvalidInput() throws IOException {
    Path other =
        Files.writeString(
            directory.resolve("other.json"),
            """
            {"logits": ["a"], "claims": {"a": {"components": ["L0.mlp"], "depends_on": ["color"]}}}
            """);
    String error = scrub("--hypothesis", other.toString()).err();
    assertTrue(error.contains("property color: not found in a text of the data set"), error);
    assertTrue(error.contains("answer, owner, wrong"), error);
    assertTrue(
        scrub("--hypothesis", whole.toString(), "--runs", "0").err().contains("runs 0: must be"));
    assertTrue(scrub().err().contains("--hypothesis"));
  }
}
