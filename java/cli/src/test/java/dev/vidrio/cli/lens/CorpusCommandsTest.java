package dev.vidrio.cli.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Commands on a text, a treebank or labeled texts, with the embedded model. */
class CorpusCommandsTest {
  private static final String TEXT = "To be, or not to be: that is the question. The king is dead.";

  @TempDir Path directory;

  private static Cli done(String... arguments) {
    Cli result = Cli.run(arguments);
    assertEquals(0, result.code(), result.err());
    return result;
  }

  private String file(String name, String content) throws IOException {
    return Files.writeString(directory.resolve(name), content).toString();
  }

  @Test
  @Tag("long")
  void corpusRanksHeadsAndNeurons() {
    String[] command = {"lens", "corpus", "-p", TEXT, "--top", "3"};
    List<String> lines = done(command).out().lines().toList();
    assertTrue(lines.getFirst().endsWith(" tokens in 1 chunks"), lines.getFirst());
    assertTrue(lines.contains("neuron     head     change   above 0: deactivates the head"));
    lines.forEach(line -> assertTrue(line.length() <= 80, line));
    JsonNode json = done("lens", "corpus", "-p", TEXT, "--json").json();
    assertEquals(32, json.get("heads").size());
    JsonNode neuron = json.get("neurons").get(5);
    assertTrue(neuron.get("null_fraction").doubleValue() <= 1);
    assertTrue(neuron.get("token").get("piece").isString());
    JsonNode last = json.get("neurons").get(json.get("neurons").size() - 1);
    assertTrue(neuron.has("first_score") && !last.has("first_score"));
  }

  @Test
  void corpusScoresOneKindOfUnit() {
    JsonNode heads = done("lens", "corpus", "-p", TEXT, "--units", "heads", "--json").json();
    assertTrue(heads.has("heads") && !heads.has("neurons"));
    JsonNode neurons = done("lens", "corpus", "-p", TEXT, "--units", "neurons", "--json").json();
    assertTrue(!neurons.has("heads") && neurons.has("neurons"));
    assertEquals(2, Cli.run("lens", "corpus", "-p", TEXT, "--units", "layers").code());
    assertEquals(2, Cli.run("lens", "corpus", "-p", TEXT, "--contexts", "0").code());
  }

  @Test
  @Tag("long")
  void corpusDrawsPage() throws IOException {
    Path page = directory.resolve("page.html");
    done("lens", "corpus", "-p", TEXT, "-o", page.toString());
    String html = Files.readString(page);
    assertTrue(html.contains("Two scores of each neuron") && html.contains("\"scatter\""));
  }

  @Test
  @Tag("long")
  void headsShowCopySuppression() {
    String[] command = {"lens", "heads", "--samples", "1", "--length", "5", "--suppression"};
    String out = done(command).out();
    assertTrue(out.contains("lowers (OV)"), out);
    JsonNode head =
        done("lens", "heads", "--samples", "1", "--length", "5", "--suppression", "--json")
            .json()
            .get("heads")
            .get(4);
    assertTrue(
        head.get("suppression").doubleValue() <= head.get("suppression_attends").doubleValue());
  }

  @Test
  void syntaxComparesWithFixedDistance() throws IOException {
    String words =
        """
        1\tThe\t_\t_\t_\t_\t2\tdet\t_\t_
        2\tking\t_\t_\t_\t_\t3\tnsubj\t_\t_
        3\tsleeps\t_\t_\t_\t_\t0\troot\t_\t_

        """;
    String file = file("a.conllu", words.repeat(20));
    String out = done("lens", "syntax", "-f", file).out();
    assertTrue(out.startsWith("20 sentences"), out);
    assertTrue(out.contains("nsubj            dependent       20"), out);
    JsonNode json = done("lens", "syntax", "-f", file, "--json").json();
    assertEquals(2, json.get("relations").size());
    assertEquals(32, json.get("relations").get(1).get("heads").size());
    Cli wrong = Cli.run("lens", "syntax", "-f", file("b.conllu", "1\tThe"));
    assertEquals(1, wrong.code());
    assertTrue(wrong.err().contains("line 1"), wrong.err());
  }

  @Test
  void rolesNeedPairsWithNames() throws IOException {
    String names =
        "When Romeo and Juliet came, Romeo gave\tWhen Romeo and Juliet came, Juliet gave\t#%d\t#%d\n"
            .formatted(token(" Juliet"), token(" Romeo"));
    String file = file("pairs.tsv", names + names);
    Cli result = Cli.run("lens", "roles", "--pairs", file, "--json");
    if (result.code() == 0) {
      assertEquals(32, result.json().get("heads").size());
    } else {
      assertTrue(result.err().contains("wrong name twice"), result.err());
    }
    Cli single = Cli.run("lens", "roles", "--pairs", file("one.tsv", names));
    assertEquals(1, single.code());
    assertTrue(single.err().contains("must be at least 2"), single.err());
  }

  /** Returns the last token of a text. */
  private static int token(String text) {
    JsonNode ids = done("tokenize", "--ids", text).json();
    return ids.get(ids.size() - 1).intValue();
  }

  @Test
  void conceptsRankNeuronsOfClass() throws IOException {
    String texts =
        "royal\tThe king and queen\nplain\tWhere is it?\nroyal\tA crown\nplain\tGo home\n";
    String file = file("texts.tsv", texts);
    String out = done("lens", "concepts", "-f", file, "--top", "2").out();
    assertTrue(out.contains("largest area with shuffled classes"), out);
    assertEquals(2 + 2 * 3, out.lines().count());
    JsonNode json = done("lens", "concepts", "-f", file, "--by", "maximum", "--json").json();
    assertEquals(2, json.get("neurons").get(0).get("areas").size());
    assertEquals("royal", json.get("classes").get(0).stringValue());
  }

  @Test
  void universalNeuronsOfModelItself() {
    String[] command = {"lens", "universal", "-p", TEXT, "--with", "bard", "--layer", "1"};
    String out = done(command).out();
    assertTrue(out.contains("layer 1: "), out);
    JsonNode json =
        done("lens", "universal", "-p", TEXT, "--with", "bard", "--layer", "1", "--json").json();
    assertEquals(1, json.get("neurons").get(3).get("correlation").doubleValue(), 1e-3);
  }

  @Test
  void examplesOfAllTenths() {
    String[] command = {
      "lens",
      "examples",
      "-p",
      TEXT.repeat(4),
      "--neuron",
      "blocks.1.mlp.hook_post:7",
      "--deciles",
      "1"
    };
    List<String> lines = done(command).out().lines().toList();
    assertEquals(1 + 2 * 10 + 1, lines.size());
    assertTrue(lines.get(1).startsWith("tenth 1, from "), lines.get(1));
    assertFalse(lines.getLast().contains("active"));
  }
}
