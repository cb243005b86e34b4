package dev.vidrio.cli.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/**
 * {@code vidrio lens path}, {@code trace} and {@code ablate} on the embedded model, and pairs of
 * texts from a file.
 */
class ComponentsTest {
  private static final List<String> PAIR =
      List.of(
          "--clean", "The king", "--corrupt", "The queen", "--answer", " his", "--wrong", " her");
  private static final String LINE = "The king\tThe queen\t his\t her\n";

  @TempDir Path directory;

  private static Cli done(List<String> first, String... more) {
    List<String> args = new ArrayList<>(List.of("lens"));
    args.addAll(List.of(more));
    args.addAll(first);
    Cli result = Cli.run(args.toArray(String[]::new));
    assertEquals(0, result.code(), result.err());
    return result;
  }

  private List<String> file(String text) throws IOException {
    Path file = directory.resolve("pairs.tsv");
    Files.writeString(file, text);
    return List.of("--pairs", file.toString());
  }

  /** The mean over a pair and itself is that of the pair; pairs may differ in length for heads. */
  @Test
  void readsPairsFromFile() throws IOException {
    JsonNode one = done(PAIR, "patch", "--site", "head", "--json").json();
    JsonNode twice = done(file(LINE + LINE), "patch", "--site", "head", "--json").json();
    assertEquals(one.get("scores"), twice.get("scores"));
    assertEquals(one.get("clean_tokens"), twice.get("pairs").get(1).get("clean_tokens"));
    String longer = LINE + "Our good king\tOur good queen\t his\t her\n";
    String out = done(file(longer), "patch", "--site", "head").out();
    assertTrue(out.startsWith("logit difference, mean of 2 pairs: clean"), out);
    JsonNode edges = done(file(longer), "edges", "--steps", "0", "--json").json();
    assertEquals(1055, edges.get("edges").size());
    Path page = directory.resolve("patch.html");
    done(file(LINE + LINE), "patch", "-o", page.toString());
    assertTrue(Files.readString(page).contains("\"position\""));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'' | must have one or more pairs of texts",
        "The king;The queen; his | line 1: must be two texts and two tokens",
        "The king;The; his; her | corrupted text of line 1 2 tokens: must have as many",
        "The king;The queen; hisher; her | answer of line 1  hisher: must be a single token",
        "The king;The queen; his; his | wrong answer",
      })
  void reportsInvalidPairs(String text, String expected) throws IOException {
    List<String> args = new ArrayList<>(List.of("lens", "patch"));
    args.addAll(file(text.replace(';', '\t')));
    Cli result = Cli.run(args.toArray(String[]::new));
    assertEquals(1, result.code());
    assertTrue(result.err().contains(expected), result.err());
  }

  /** The sources of pairs are mutually exclusive. */
  @Test
  void rejectsTwoSourcesOfPairs() throws IOException {
    List<String> both = new ArrayList<>(List.of("lens", "circuit"));
    both.addAll(file(LINE + LINE));
    both.addAll(PAIR);
    assertEquals(2, Cli.run(both.toArray(String[]::new)).code());
    assertEquals(2, Cli.run("lens", "patch").code());
  }

  /** In the last layer, the direct path to the logits is the total effect of a head. */
  @Test
  void patchesPathsToLogitsAndHeads() throws IOException {
    JsonNode paths = done(PAIR, "path", "--json").json();
    JsonNode patched =
        done(PAIR, "patch", "--site", "head", "--direction", "noising", "--json").json();
    assertEquals(patched.get("scores").get(3), paths.get("scores").get(3));
    JsonNode heads =
        done(PAIR, "path", "--to", "L2.H1", "--to", "L1.H0", "--input", "v", "--json").json();
    assertEquals("v", heads.get("input").stringValue());
    assertEquals(1, heads.get("scores").get(2).get(0).doubleValue());
    String out = done(PAIR, "path", "--to", "L3.H1", "--top", "2").out();
    assertTrue(out.contains("paths to q of L3.H1"), out);
    assertEquals(2, out.lines().filter(line -> line.startsWith("L")).count(), out);
    Path page = directory.resolve("path.html");
    done(PAIR, "path", "-o", page.toString());
    assertTrue(Files.readString(page).contains("Path patching"));
  }

  /** At the last position, the stream after the last layer determines the answer. */
  @Test
  void tracesToTheAnswer() throws IOException {
    List<String> text = List.of("-p", "To be, or not to", "--subject", "be, or", "--answer", " be");
    JsonNode json = done(text, "trace", "--runs", "2", "--json").json();
    assertEquals(2, json.get("subject_from").intValue());
    assertEquals(5, json.get("subject_to").intValue());
    double clean = json.get("clean_probability").doubleValue();
    JsonNode last = json.get("restored").get(3);
    assertEquals(clean, last.get(last.size() - 1).doubleValue(), 1e-12);
    assertEquals(json.get("corrupted_probability").doubleValue(), last.get(0).doubleValue(), 1e-12);
    String out = done(text, "trace", "--runs", "1", "--site", "mlp_out", "--window", "2").out();
    assertTrue(out.contains("   2 \" be\" with noise\n"), out);
    Path page = directory.resolve("trace.html");
    done(text, "trace", "--runs", "1", "-o", page.toString());
    assertTrue(Files.readString(page).contains("Causal tracing"));
    Cli result = Cli.run("lens", "trace", "-p", "a", "--subject", "x", "--answer", " be");
    assertEquals(1, result.code());
    assertTrue(result.err().contains("subject \"x\": not found in the text"), result.err());
  }

  /** The stream before the first layer is the embedding, so that its ablation equals occlusion. */
  @Test
  void ablatesComponents() throws IOException {
    List<String> text = List.of("-p", "To be, or not to", "--token", " be");
    JsonNode json = done(text, "ablate", "--json").json();
    assertEquals(4, json.get("rows").size());
    assertEquals(8, json.get("without").get(0).size());
    JsonNode occluded = done(text, "occlusion", "--json").json();
    JsonNode embeddings = done(text, "ablate", "--site", "resid_pre", "--json").json();
    double metric = embeddings.get("metric").doubleValue();
    for (int p = 0; p < 7; p++) {
      double effect = metric - embeddings.get("without").get(0).get(p).doubleValue();
      assertEquals(occluded.get("effects").get(p).doubleValue(), effect, 1e-12);
    }
    Path other = directory.resolve("other.txt");
    Files.writeString(other, "Good morrow, neighbour. Whither away so fast?");
    String out =
        done(text, "ablate", "--mean-of", other.toString(), "--versus", " me", "--top", "3").out();
    assertTrue(out.startsWith("logit of \" be\" minus that of \" me\": "), out);
    assertEquals(3, out.lines().filter(line -> line.matches("L\\d\\.H\\d .*")).count(), out);
    Path page = directory.resolve("ablate.html");
    done(text, "ablate", "-o", page.toString());
    assertTrue(Files.readString(page).contains("Ablation"));
  }

  /** Negative positions count from the end. */
  @Test
  void negativePositionsCountFromTheEnd() {
    List<String> text = List.of("-p", "To be, or not to", "--json");
    JsonNode expected = done(text, "cache", "--positions", "5:7").json();
    for (String range : List.of("-2:", "-2:99", "5:", "-2:7")) {
      assertEquals(expected, done(text, "cache", "--positions=" + range).json());
      assertEquals(expected, done(text, "cache", "--positions", range).json());
    }
    assertEquals(
        done(text, "norms", "--positions", "0:6").json(),
        done(text, "norms", "--positions", ":-1").json());
  }
}
