package dev.vidrio.server.completion;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.server.testserver.TestServer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** llama.cpp's route {@code /completion}, and its forms of prompts and biases. */
class LlamaCompletionRouteTest {
  @RegisterExtension static final TestServer server = TestServer.forAll();

  private static JsonNode complete(String prompt, String more) {
    return server.json(
        "/completion",
        "{'model':'bard','prompt':" + prompt + ",'temperature':0,'n_predict':6" + more + "}");
  }

  private static String content(String prompt, String more) {
    return complete(prompt, more).path("content").stringValue();
  }

  private static JsonNode ids(String text) {
    return server.json("/tokenize", "{'model':'bard','content':'" + text + "','add_special':true}");
  }

  @Test
  void respondsLikeLlamaServer() {
    JsonNode json = complete("'To be'", ",'return_tokens':true,'n_probs':2");
    JsonNode plain =
        server.json(
            "/v1/completions",
            "{'model':'bard','prompt':'To be','temperature':0,'n_predict':6,'logprobs':2}");
    JsonNode choice = plain.path("choices").path(0);
    assertEquals(choice.path("text"), json.path("content"));
    assertEquals(choice.path("logprobs").path("token_ids"), json.path("tokens"));
    assertEquals("limit", json.path("stop_type").stringValue());
    assertFalse(json.path("truncated").booleanValue());
    assertEquals(6, json.path("generation_settings").path("n_predict").intValue());
    JsonNode probabilities = json.path("completion_probabilities");
    assertEquals(6, probabilities.size());
    assertEquals(2, probabilities.path(0).path("top_logprobs").size());
    assertEquals(
        choice.path("logprobs").path("token_logprobs").path(0),
        probabilities.path(0).path("logprob"));
    JsonNode timings = json.path("timings");
    // Five steps after that of the prompt.
    assertEquals(
        5e3 / timings.path("predicted_ms").doubleValue(),
        timings.path("predicted_per_second").doubleValue(),
        1e-6);
  }

  @Test
  void returnsTheSettingsOfSamplers() {
    JsonNode settings =
        complete(
                "'To be'",
                ",'dry_multiplier':0.5,'dry_sequence_breakers':['.'],'xtc_probability':0.25,"
                    + "'top_n_sigma':2")
            .path("generation_settings");
    assertEquals(0.5, settings.path("dry_multiplier").doubleValue());
    assertEquals(1.75, settings.path("dry_base").doubleValue());
    assertEquals(2, settings.path("dry_allowed_length").intValue());
    assertEquals(".", settings.path("dry_sequence_breakers").path(0).stringValue());
    assertEquals(0.25, settings.path("xtc_probability").doubleValue());
    assertEquals(0.1, settings.path("xtc_threshold").doubleValue());
    assertEquals(2, settings.path("top_n_sigma").doubleValue());
  }

  @Test
  void answersEachPrompt() {
    JsonNode both = complete("['To be','Romeo']", "");
    assertEquals(2, both.size());
    assertEquals(1, both.path(1).path("index").intValue());
    assertEquals(content("'Romeo'", ""), both.path(1).path("content").stringValue());
  }

  @Test
  void readsMixedPrompts() {
    String expected = content("'To be, or not'", "");
    JsonNode ids = ids("To be").path("tokens");
    assertEquals(expected, content("{'prompt_string':'To be, or not'}", ""));
    assertEquals(expected, content("{'content':[{'type':'text','text':'To be, or not'}]}", ""));
    List<String> parts = new ArrayList<>();
    ids.forEach(id -> parts.add(id.toString()));
    parts.add("', or not'");
    assertEquals(expected, content(parts.toString(), ""));
    assertEquals(
        expected, complete("[" + parts + ",'Romeo']", "").path(0).path("content").stringValue());
  }

  @Test
  void streamsUntilStop() {
    List<JsonNode> events =
        server.events(
            "/completion",
            "{'model':'bard','prompt':'To"
                + " be','temperature':0,'n_predict':6,'stream':true,'n_probs':1}");
    var text = new StringBuilder();
    for (JsonNode event : events.subList(0, events.size() - 1)) {
      assertFalse(event.path("stop").booleanValue());
      assertEquals(1, event.path("completion_probabilities").size());
      text.append(event.path("content").stringValue());
    }
    assertTrue(events.getLast().path("stop").booleanValue());
    assertEquals(content("'To be'", ""), text.toString());
  }

  @Test
  void biasesTexts() {
    String text = content("'To be'", "");
    String word = text.strip().split("\\W", 2)[0];
    for (String bias : List.of("{' " + word + "':-100}", "[[' " + word + "',-100]]")) {
      assertFalse(content("'To be'", ",'logit_bias':" + bias).startsWith(" " + word), bias);
    }
  }

  @Test
  void ignoresCachedPrefixes() {
    String prompt = "'" + "To be, or not to be. ".repeat(20) + "'";
    complete(prompt, "");
    assertTrue(complete(prompt, "").path("tokens_cached").intValue() > 0);
    assertEquals(0, complete(prompt, ",'cache_prompt':false").path("tokens_cached").intValue());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'prompt':{} | 400 missing_required_parameter prompt.prompt_string",
        "'prompt':[1,[2]] | 400 invalid_value prompt[1] prompt[1]: must be an integer",
        "'prompt':{'prompt_string':'a','multimodal_data':['x']} | 400 unsupported_parameter"
            + " prompt.multimodal_data",
        "'prompt':{'content':'a'} | 400 invalid_value prompt.content",
        "'prompt':'a','n':2 | 400 unsupported_parameter n n: not supported; /completion has one",
        "'prompt':'a','n_predict':1,'max_tokens':1 | 400 unsupported_parameter max_tokens",
        "'prompt':'a','post_sampling_probs':true | 400 unsupported_parameter post_sampling_probs",
        "'prompt':'a','n_probs':21 | 400 invalid_value n_probs",
        "'prompt':'a','color':1 | 400 unknown_parameter color",
      })
  void rejects(String fields, String expected) {
    String error = TestServer.error(server.post("/completion", "{'model':'bard'," + fields + "}"));
    assertEquals(expected, error.substring(0, Math.min(expected.length(), error.length())), error);
  }

  @Test
  void pairsTokensWithPieces() {
    JsonNode tokens =
        server
            .json("/tokenize", "{'model':'bard','content':'To be é','with_pieces':true}")
            .path("tokens");
    var text = new StringBuilder();
    List<Integer> ids = new ArrayList<>();
    for (JsonNode token : tokens) {
      ids.add(token.path("id").intValue());
      text.append(token.path("piece").isString() ? token.path("piece").stringValue() : "?");
    }
    assertTrue(text.toString().startsWith("To be "), text.toString());
    JsonNode decoded = server.json("/detokenize", "{'model':'bard','tokens':" + ids + "}");
    assertEquals("To be é", decoded.path("content").stringValue());
    assertEquals(decoded.path("text"), decoded.path("content"));
  }
}
