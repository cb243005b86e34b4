package dev.vidrio.cli.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** The commands that fit lenses, read through them and compare them, on the embedded model. */
class LensesTest {
  @TempDir static Path directory;

  private static Path text;

  @BeforeAll
  static void write() throws IOException {
    text =
        Files.writeString(
            directory.resolve("text.txt"),
            "To be, or not to be: that is the question. The king and his queen. ".repeat(3));
  }

  private static Cli run(String line, String... more) {
    List<String> all = new ArrayList<>(List.of("lens"));
    all.addAll(List.of(line.strip().split(" +")));
    all.addAll(List.of(more));
    return Cli.run(all.toArray(String[]::new));
  }

  private static Cli done(String line, String... more) {
    Cli result = run(line, more);
    assertEquals(0, result.code(), result.err());
    return result;
  }

  private static Path file(String name) {
    return directory.resolve(name + ".safetensors");
  }

  @Test
  @Tag("long")
  void fitsAndComparesLenses() {
    String from = " -f " + text + " --length 12 ";
    String streams = "--hooks blocks.0.hook_resid_post,blocks.3.hook_resid_post ";
    String jacobian =
        done("jacobian --skip 2 --chunks 1 --hooks blocks.0.hook_resid_post -o "
                + file("jacobian")
                + from)
            .out();
    assertTrue(jacobian.contains("blocks.0.hook_resid_post"), jacobian);
    done("tune --epochs 2 -o " + file("tuned") + from);
    String ahead = done("tune --ahead 2 --epochs 2 -o " + file("future") + from + streams).out();
    assertTrue(ahead.startsWith("mean KL divergence from the model's prediction 2 tokens later"));
    String files =
        " --tuned %s --jacobian %s --ahead %s "
            .formatted(file("tuned"), file("jacobian"), file("future"));
    JsonNode json = done("fidelity --json --chunks 2" + files + streams + from).json();
    assertEquals(2, json.get("ahead").intValue());
    JsonNode first = json.get("hooks").get("blocks.0.hook_resid_post");
    assertEquals(4, first.size());
    JsonNode last = json.get("hooks").get("blocks.3.hook_resid_post");
    assertEquals(0, last.get("logit").get("kl_bits").get("mean").doubleValue(), 1e-9);
    assertEquals(1, last.get("tuned").get("agreement").get("mean").doubleValue());
    assertTrue(last.get("future").get("kl_bits").get("mean").doubleValue() > 0);
    assertTrue(
        first.get("tuned").get("kl_bits").get("mean").doubleValue()
            < first.get("logit").get("kl_bits").get("mean").doubleValue());
    assertEquals(4, done("fidelity --chunks 1" + files + streams + from).out().lines().count());
    Path page = directory.resolve("fidelity.html");
    done("fidelity --chunks 1" + files + streams + from + "-o " + page);
    assertTrue(Files.exists(page));
  }

  @Test
  void readsThroughLenses() {
    String from = " -f " + text + " --length 12 ";
    done("tune --ahead 3 -o " + file("later") + from);
    JsonNode json = done("logits -p king --json --ahead " + file("later")).json();
    assertEquals(3, json.get("ahead").intValue());
    assertFalse(json.get("hooks").get("blocks.0.hook_resid_post").get(0).has("kl_bits"));
    String out = done("logits --ahead " + file("later"), "-p", "To be, or not to be").out();
    assertTrue(out.startsWith("most likely token 3 after the next"), out);
    Cli wrong = run("logits -p king --tuned " + file("later"));
    assertTrue(wrong.err().contains("3 tokens ahead; use --ahead"), wrong.err());
    Cli both = run("logits -p king --ahead " + file("later") + " --tuned " + file("later"));
    assertEquals(2, both.code());
  }

  @Test
  void fitsAttentionLens() throws IOException {
    String from = " -f " + text + " --length 12 ";
    Path heads = file("heads");
    String out = done("tune --hooks blocks.1.attn.hook_z -o " + heads + from).out();
    assertTrue(out.contains("L1.H0"), out);
    JsonNode json = done("logits -p king --json --attention " + heads).json().get("heads");
    assertEquals(1, json.get("L1.H0").size());
    String followed = done("logits -p king --token #17 --attention " + heads).out();
    assertTrue(
        followed.contains("head          KL    rank  probability    % most likely"), followed);
    Path page = directory.resolve("heads.html");
    done("logits -p king --positions : --attention " + heads + " -o " + page);
    assertTrue(Files.readString(page).contains("Attention lens"));
    assertEquals(2, run("logits -p king --softmax --attention " + heads).code());
    assertEquals(2, run("tune --ahead 1 --hooks *.hook_z -o " + heads + from).code());
  }

  /** On the page a click follows the most likely token of a cell. */
  @Test
  void pageHasRanksOfTokens() throws IOException {
    Path page = directory.resolve("logits.html");
    done("logits -p king -o " + page);
    String html = Files.readString(page);
    assertTrue(html.contains("A click on a token shows its rank"), "no note");
    assertTrue(html.contains("\"path\":["), "no paths");
  }

  @Test
  @Tag("long")
  void showsSpectrum() throws IOException {
    String out = done("spectrum --bands 4 --hooks blocks.0.hook_resid_post -p king").out();
    assertTrue(out.contains("in 4 bands of 64 singular vectors"), out);
    assertEquals(4, out.lines().count(), out);
    JsonNode json = done("spectrum --json --bands 4 -p king").json();
    assertEquals(4, json.get("singular_values").size());
    double sum = 0;
    for (JsonNode share : json.get("hooks").get("blocks.3.hook_resid_post").get(0)) {
      sum += share.doubleValue();
    }
    assertEquals(1, sum, 1e-9);
    Path page = directory.resolve("spectrum.html");
    done("spectrum --bands 4 -p king -o " + page);
    assertTrue(Files.readString(page).contains("the dark subspace"));
    assertEquals(1, run("spectrum --bands 0 -p king").code());
  }

  @Test
  void readsGradients() throws IOException {
    String out = done("backward --matrices out,gate -p king").out();
    assertTrue(out.startsWith("gradient of log-probability of "), out);
    assertEquals(3 + 8, out.lines().count(), out);
    JsonNode json = done("backward --json --matrices out --top 2 -p king").json();
    assertEquals(4, json.get("gradients").size());
    JsonNode last = json.get("gradients").get(3);
    assertEquals("out", last.get("matrix").stringValue());
    JsonNode token = last.get("tokens").get(json.get("tokens").size() - 1);
    assertEquals(2, token.get("words").size());
    // The last layer writes to the logits: its error promotes the token.
    assertEquals(json.get("token"), token.get("words").get(0).get("id"));
    String one = done("backward --layers -1 -p king").out();
    assertEquals(3 + 2, one.lines().count(), one);
    assertEquals(1, run("backward --layers 4 -p king").code());
    Path page = directory.resolve("backward.html");
    done("backward --matrices v,o -p king -o " + page);
    assertTrue(Files.readString(page).contains("Gradient of v"));
    assertEquals(2, run("backward --matrices x -p king").code());
  }

  @Test
  @Tag("long")
  void reducesRank() {
    String from = " -f " + text + " --length 20 --chunks 2 ";
    JsonNode json =
        done("laser --json --layers 3,-1 --matrix W_O --keep 1,0.02" + from).json().get("reduced");
    assertEquals(4, json.size());
    assertEquals(json.get(0), json.get(2));
    assertEquals(1, json.get(0).get("kept_norm").doubleValue(), 1e-9);
    assertTrue(json.get(1).get("kept_norm").doubleValue() < 0.5);
    String out = done("laser --matrix w_o --keep 0.5" + from).out();
    assertTrue(out.contains("L3.W_O"), out);
    for (String wrong : List.of("--keep 2", "--matrix W_Q")) {
      assertEquals(2, run("laser " + wrong + from).code(), wrong);
    }
    assertEquals(1, run("laser --layers 4" + from).code());
  }
}
