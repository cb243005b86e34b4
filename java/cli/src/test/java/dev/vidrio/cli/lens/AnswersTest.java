package dev.vidrio.cli.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Attribution of answers and spans, {@code lens reliance} and {@code lens faithfulness}. */
class AnswersTest {
  private static final String TEXT = "The king loves his queen. The queen loves";

  @TempDir private Path directory = Path.of("");

  private static Cli done(String command, String... more) {
    List<String> args = new ArrayList<>(List.of("lens", command));
    args.addAll(List.of(more));
    Cli result = Cli.run(args.toArray(String[]::new));
    assertEquals(0, result.code(), result.err());
    return result;
  }

  private static Cli attribute(String... more) {
    List<String> args = new ArrayList<>(List.of("-p", TEXT, "--steps", "2", "--samples", "64"));
    args.addAll(List.of(more));
    return done("attribute", args.toArray(String[]::new));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "gradient",
        "grad_x_input",
        "ig",
        "smoothgrad",
        "attn_lrp",
        "cp_lrp",
        "occlusion",
        "shapley",
        "kernel_shap",
        "lime"
      })
  void everyMethodExplainsEveryTokenOfTheAnswer(String method) {
    String[] options = {"--method", method, "--answer", " his king", "--spans", "word"};
    JsonNode json = attribute(append(options, "--json")).json();
    int prompt = json.get("tokens").size() - 2;
    boolean ofPrompt = List.of("shapley", "kernel_shap", "lime").contains(method);
    assertEquals(ofPrompt ? 10 : 11, json.get("inputs").size(), json.get("input_texts").toString());
    assertEquals(2, json.get("outputs").size());
    assertEquals(prompt, json.get("outputs").get(0).get(0).intValue());
    assertEquals(" his", json.get("output_texts").get(0).stringValue());
    assertEquals(2, json.get("scores").size());
    assertEquals(json.get("inputs").size(), json.get("scores").get(0).size());
    if (!ofPrompt) {
      assertTrue(json.get("scores").get(0).get(10).isNull());
    }
    List<String> lines = attribute(options).out().lines().toList();
    assertTrue(lines.getFirst().contains("answer's 2 tokens"), lines.getFirst());
    assertTrue(lines.get(2).contains("\" his\""), lines.get(2));
    assertEquals(4 + 2 + json.get("inputs").size(), lines.size());
  }

  private static String[] append(String[] arguments, String... more) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  /**
   * The first row is the attribution of the next token, and a generated answer is the likeliest.
   */
  @Test
  void explainsGeneratedAnswers() {
    JsonNode answer = attribute("-n", "3", "--json").json();
    JsonNode next = attribute("--json").json();
    assertEquals(next.get("token"), answer.get("tokens").get(next.get("tokens").size()));
    assertEquals(next.get("value"), answer.get("values").get(0));
    for (int i = 0; i < next.get("scores").size(); i++) {
      assertEquals(next.get("scores").get(i), answer.get("scores").get(0).get(i));
    }
    assertEquals(3, answer.get("scores").size());
    JsonNode contrast = attribute("-n", "3", "--versus", " her", "--json").json();
    assertFalse(contrast.get("values").equals(answer.get("values")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"grad_x_input", "occlusion", "shapley", "kernel_shap", "lime"})
  void spansOfTheNextToken(String method) {
    String[] options = {"--method", method, "--token", " his", "--spans", "sentence"};
    JsonNode json = attribute(append(options, "--json")).json();
    assertEquals(3, json.get("inputs").size(), json.toString());
    assertEquals(" The queen loves", json.get("input_texts").get(2).stringValue());
    List<String> lines = attribute(options).out().lines().toList();
    assertEquals(5, lines.size(), String.join("\n", lines));
    if (method.contains("sha")) {
      double sum = 0;
      for (JsonNode score : json.get("scores").get(0)) {
        sum += score.doubleValue();
      }
      assertEquals(json.get("explained").get(0).doubleValue(), sum, 1e-9);
    }
  }

  @Test
  void sampledShapleyValuesHaveIntervals() {
    JsonNode json = attribute("--method", "shapley", "--spans", "word", "--json").json();
    assertEquals(json.get("scores").get(0).size(), json.get("half_widths").get(0).size());
    assertTrue(attribute("--method", "shapley", "--spans", "word").out().contains("±95 %"));
  }

  @Test
  void givenRangesAndReplacement() {
    String[] options = {"--method", "occlusion", "--spans", "1:3,5:7", "--answer", " his"};
    JsonNode zero = attribute(append(options, "--json")).json();
    assertEquals(2, zero.get("inputs").size());
    JsonNode other =
        attribute(append(options, "--removal", "replace", "--replacement", "#7", "--json")).json();
    assertEquals(zero.get("values"), other.get("values"));
    assertFalse(zero.get("scores").equals(other.get("scores")));
  }

  @Test
  void messagesAreSpans() throws IOException {
    String template =
        "{% for m in messages %}({{ m.content }});{% endfor %}"
            + "{% if add_generation_prompt %}(9){% endif %}";
    Path model = TinyModels.writeChat(directory.resolve("tiny.gguf"), "llama", template);
    Path messages =
        Files.writeString(
            directory.resolve("messages.json"),
            """
            [{"role": "system", "content": "12"}, {"role": "user", "content": "34"}]
            """);
    String[] options = {
      "-m", model.toString(), "--messages", messages.toString(), "--spans", "message"
    };
    JsonNode json = done("attribute", append(options, "-n", "2", "--json")).json();
    assertEquals("(12);", json.get("input_texts").get(0).stringValue());
    assertEquals("(34);", json.get("input_texts").get(1).stringValue());
    assertEquals(2, json.get("scores").size());
    JsonNode next = done("attribute", append(options, "--json")).json();
    assertEquals(3, next.get("inputs").size());
  }

  @Test
  void writesTensorsAndPages() throws IOException {
    Path tensors = directory.resolve("answer.safetensors");
    attribute("--answer", " his king", "-o", tensors.toString());
    try (Arena arena = Arena.ofConfined()) {
      Safetensors file = Safetensors.open(tensors, arena);
      List<Long> shape = file.find("scores").orElseThrow().shape();
      assertEquals(2, shape.getFirst());
      assertEquals(
          file.find("tokens").orElseThrow().shape().getFirst() - 1, shape.getLast().longValue());
    }
    attribute("-o", tensors.toString());
    Path page = directory.resolve("answer.html");
    attribute("--answer", " his king", "-o", page.toString());
    assertTrue(Files.readString(page).contains("The whole answer"));
    attribute("--spans", "word", "-o", page.toString());
    assertTrue(Files.readString(page).contains("Attribution to words"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"delete", "zero", "hide"})
  void relianceComparesPredictions(String removal) {
    String[] options = {
      "-p", TEXT, "--context", "The king loves his queen.", "-n", "3", "--removal", removal
    };
    JsonNode json = done("reliance", append(options, "--json")).json();
    assertEquals(3, json.get("answer").size());
    double sum = 0;
    for (JsonNode token : json.get("answer")) {
      sum += token.get("with").doubleValue() - token.get("without").doubleValue();
      assertTrue(token.get("divergence").doubleValue() >= 0);
    }
    assertEquals(sum, json.get("information").doubleValue(), 1e-9);
    assertEquals(2 + 3, done("reliance", options).out().lines().count());
    Path page = directory.resolve("reliance.html");
    done("reliance", append(options, "-o", page.toString()));
    assertTrue(Files.exists(page));
  }

  @Test
  void faithfulnessComparesMethods() throws IOException {
    Path prompts = Files.writeString(directory.resolve("prompts.txt"), TEXT + "\nTo be, or\n");
    String[] options = {
      "--methods", "gradient,occlusion", "--orders", "3", "--portions", "0.2,0.5", "--steps", "2"
    };
    JsonNode json =
        done("faithfulness", append(options, "--prompts", prompts.toString(), "--json")).json();
    assertEquals(2, json.get("texts").intValue());
    JsonNode occlusion = json.get("methods").get("occlusion");
    assertEquals(2, occlusion.get("comprehensiveness_by_text").size());
    assertTrue(occlusion.get("comprehensiveness").get("half_width").doubleValue() >= 0);
    assertTrue(json.get("random").get("sufficiency").has("mean"));
    assertEquals(2 + 3, done("faithfulness", append(options, "-p", TEXT)).out().lines().count());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "2 | cannot be combined with -n | attribute -p a -n 2 --answer b",
        "2 | must be at least 1 | attribute -p a -n 0",
        "2 | cannot be combined with an answer | attribute -p a -n 2 --position 0",
        "2 | needs --messages | attribute -p a --spans message",
        "2 | must be token, word | attribute -p a --spans letters",
        "2 | must be a range | attribute -p a --spans 3:2",
        "1 | must end by position | attribute -p a --spans 0:90",
        "2 | must begin after | attribute -p abc --spans 0:2,1:3",
        "2 | needs --replacement | attribute -p a --method occlusion --removal replace",
        "2 | has no effect on | attribute -p a --removal hide",
        "2 | --removal replace: needs --replacement | occlusion -p a --removal replace",
        "2 | cannot be combined with an answer | attribute -p a -n 1 --metric entropy",
        "1 | do not determine | attribute -p abcdefgh --method kernel_shap --samples 2",
        "2 | needs an answer | reliance -p abc --context b",
        "1 | not found in the text | reliance -p abc --context x -n 1",
        "2 | must be above 0 | faithfulness -p abc --portions 0",
        "1 | the context has room | attribute -p a -n 100000",
      })
  void reportsInvalidArguments(int code, String expected, String arguments) {
    Cli result = Cli.run(("lens " + arguments).split(" "));
    assertEquals(code, result.code(), result.err());
    assertTrue(result.err().contains(expected), result.err());
  }
}
