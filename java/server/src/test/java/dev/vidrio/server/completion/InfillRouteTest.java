package dev.vidrio.server.completion;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.ParrotModel;
import dev.vidrio.server.ModelSource;
import dev.vidrio.server.testserver.TestServer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Fill-in-the-middle with a model that has a fixed answer to {@code <|fim_middle|>}. */
class InfillRouteTest {
  private static final List<String> SCRIPT =
      List.of("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", " return", " r * r", ";\n");
  private static final String ANSWER = " return r * r;\n";
  private static final String GAP = "'input_prefix':'area(r)','input_suffix':'}'";

  @TempDir static Path directory;
  private static TestServer server;

  @BeforeAll
  static void start() throws IOException {
    Path file = ParrotModel.write(directory.resolve("coder.gguf"), Map.of('@', SCRIPT));
    server = TestServer.start(options -> options, new ModelSource("coder", () -> Model.open(file)));
  }

  @AfterAll
  static void close() {
    server.close();
  }

  private static JsonNode infill(String more) {
    return server.json("/infill", "{" + GAP + ",'temperature':0" + more + "}");
  }

  @Test
  void fillsGapOfCompletion() {
    JsonNode json =
        server.json("/v1/completions", "{'prompt':'area(r)','suffix':'}','temperature':0}");
    assertEquals(ANSWER, json.path("choices").path(0).path("text").stringValue());
    assertEquals("stop", json.path("choices").path(0).path("finish_reason").stringValue());
    // BOS, three tokens of the gap, and a token per byte
    assertEquals(12, json.path("usage").path("prompt_tokens").intValue());
    assertEquals(
        8,
        server
            .json("/v1/completions", "{'prompt':'area(r)','suffix':'','max_tokens':0}")
            .path("usage")
            .path("prompt_tokens")
            .intValue());
  }

  @Test
  void fillsGapWithoutPrefix() {
    JsonNode json = server.json("/v1/completions", "{'prompt':'','suffix':'}','temperature':0}");
    assertEquals(ANSWER, json.path("choices").path(0).path("text").stringValue());
  }

  @Test
  void respondsLikeLlamaServer() {
    JsonNode json = infill("");
    assertEquals(ANSWER, json.path("content").stringValue());
    assertTrue(json.path("stop").booleanValue());
    assertEquals("eos", json.path("stop_type").stringValue());
    assertEquals("coder", json.path("model").stringValue());
    assertEquals(3, json.path("tokens_predicted").intValue());
    assertEquals(12, json.path("tokens_evaluated").intValue());
    assertTrue(
        json.path("prompt")
            .stringValue()
            .endsWith("<|fim_prefix|>area(r)<|fim_suffix|>}<|fim_middle|>"));
    assertEquals(3, json.path("timings").path("predicted_n").intValue());
  }

  @Test
  void putsOtherFilesAndPromptBeforeGap() {
    String prompt =
        infill(",'input_extra':[{'filename':'a.c','text':'int pi;'},{'text':'x'}],'prompt':'{'")
            .path("prompt")
            .stringValue();
    assertTrue(
        prompt.endsWith(
            "\n\n--- snippet ---\n\nint pi;\n\n--- snippet ---\n\nx"
                + "<|fim_prefix|>area(r){<|fim_suffix|>}<|fim_middle|>"),
        prompt);
  }

  @Test
  void acceptsFieldsOfEditors() {
    JsonNode json =
        infill(
            ",'id_slot':0,'n_indent':4,'n_predict':2,'samplers':['top_k','top_p','infill'],"
                + "'top_k':40,'cache_prompt':true,'t_max_prompt_ms':500,'t_max_predict_ms':1000,"
                + "'response_fields':['content','timings/predicted_n','absent']");
    assertEquals("{\"content\":\" return r * r\",\"timings/predicted_n\":2}", json.toString());
    assertEquals("limit", infill(",'n_predict':2").path("stop_type").stringValue());
    assertEquals("word", infill(",'stop':[';']").path("stop_type").stringValue());
    assertEquals("", infill(",'n_predict':0").path("content").stringValue());
    assertEquals(ANSWER, infill(",'n_predict':-1").path("content").stringValue());
  }

  @Test
  void streamsTokensAndEndsWithResult() {
    List<JsonNode> events = server.events("/infill", "{" + GAP + ",'temperature':0,'stream':true}");
    var text = new StringBuilder();
    events.forEach(event -> text.append(event.path("content").stringValue()));
    assertEquals(ANSWER, text.toString());
    assertEquals(4, events.size());
    assertEquals("eos", events.getLast().path("stop_type").stringValue());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "/infill | {'input_prefix':'a'} | 400 missing_required_parameter input_suffix",
        "/infill | {'input_suffix':'a'} | 400 missing_required_parameter input_prefix",
        "/infill | {'input_prefix':'a','input_suffix':'b','n':2} | 400 unsupported_parameter n",
        "/infill | {'input_prefix':'a','input_suffix':'b','n_predict':-2} | 400 invalid_value"
            + " n_predict",
        "/infill | {'input_prefix':'a','input_suffix':'b','n_predict':1,'max_tokens':1} | 400"
            + " unsupported_parameter max_tokens",
        "/infill | {'input_prefix':'a','input_suffix':'b','input_extra':[{'filename':'c'}]} | 400"
            + " missing_required_parameter input_extra[0].text",
        "/infill | {'input_prefix':'a','input_suffix':'b','x':1} | 400 unknown_parameter x",
        "/v1/completions | {'prompt':[1,2],'suffix':'b'} | 400 unsupported_parameter prompt"
            + " prompt: must be a string with suffix, not token ids",
        "/v1/completions | {'prompt':'a','suffix':'b','echo':true} | 400 unsupported_parameter"
            + " echo",
      })
  void rejectsRequests(String path, String body, String expected) {
    String error = TestServer.error(server.post(path, body));
    assertTrue(error.startsWith(expected), error);
  }

  @Test
  void rejectsModelWithoutTokens() {
    try (TestServer plain =
        TestServer.start(options -> options, new ModelSource("parrot", TestServer::parrot))) {
      String reason =
          ": not supported: the vocabulary of model 'parrot' has no prefix, suffix and middle"
              + " tokens for fill-in-the-middle";
      assertEquals(
          "400 unsupported_parameter suffix suffix" + reason,
          TestServer.error(plain.post("/v1/completions", "{'prompt':'a','suffix':'b'}")));
      assertEquals(
          "400 unsupported_parameter input_suffix input_suffix" + reason,
          TestServer.error(plain.post("/infill", "{" + GAP + "}")));
    }
  }
}
