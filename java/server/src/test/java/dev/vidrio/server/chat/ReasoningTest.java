package dev.vidrio.server.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.ParrotModel;
import dev.vidrio.server.ModelSource;
import dev.vidrio.server.testserver.TestServer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Reasoning in chats and responses. */
class ReasoningTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String RESPONSES = "/v1/responses";
  private static final String REASONING = "Sand melts.";
  private static final String TEXT = "Glass is sand.";

  /** Tokens of the reasoning, including its markers. */
  private static final int THOUGHT_TOKENS = 4;

  private static final String TOOLS =
      ",'tools':[{'type':'function','function':{'name':'get_weather','parameters':"
          + "{'type':'object','properties':{'place':{'type':'string'}},'required':['place']}}}]";
  private static final String SCHEMA =
      "{'type':'object','properties':{'color':{'enum':['red']}},'required':['color']}";

  @TempDir private static Path directory;
  private static TestServer server;

  @BeforeAll
  static void start() throws IOException {
    Path file =
        ParrotModel.writeThinker(
            directory.resolve("thinker.gguf"),
            Map.of(
                ':',
                    List.of("<think>", "\nSand", " melts.", "\n</think>", "\n\nGlass", " is sand."),
                '>', List.of("Just", " glass."),
                '=',
                    List.of(
                        "<think>Look, no <tool_call>",
                        " yet.</think>",
                        "<tool_call>{\"name\":",
                        " \"get_weather\",",
                        " \"arguments\": {\"place\": \"Rome\"}}</tool_call>"),
                '#', List.of("<think>Which?", " Red.</think>", "{\"color\":", "\"red\"}")));
    server =
        TestServer.start(options -> options, new ModelSource("thinker", () -> Model.open(file)));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static String chat(String text, String more) {
    return "{'model':'thinker','messages':[{'role':'user','content':'" + text + "'}]" + more + "}";
  }

  private static String response(String text, String more) {
    return "{'model':'thinker','input':'" + text + "'" + more + "}";
  }

  private static JsonNode message(JsonNode json) {
    return json.at("/choices/0/message");
  }

  @Test
  void chatHasReasoningAndContent() {
    JsonNode json = server.json(CHAT, chat("What is glass?", ""));
    assertEquals(REASONING, message(json).path("reasoning_content").stringValue());
    assertEquals(TEXT, message(json).path("content").stringValue());
    assertEquals(6, json.at("/usage/completion_tokens").intValue());
    assertEquals(
        THOUGHT_TOKENS, json.at("/usage/completion_tokens_details/reasoning_tokens").intValue());
  }

  @Test
  void streamsReasoningBeforeContent() {
    var reasoning = new StringBuilder();
    var text = new StringBuilder();
    List<Integer> tokens = new ArrayList<>(List.of(0, 0));
    List<JsonNode> events =
        server.events(
            CHAT,
            chat(
                "What is glass?",
                ",'stream':true,'logprobs':true,'stream_options':{'include_usage':true}"));
    for (JsonNode event : events) {
      JsonNode delta = event.at("/choices/0/delta");
      boolean isReasoning = delta.has("reasoning_content");
      assertFalse(isReasoning && delta.has("content"));
      reasoning.append(delta.path("reasoning_content").stringValue(""));
      text.append(delta.path("content").stringValue(""));
      int count = event.at("/choices/0/logprobs/content").size();
      tokens.set(isReasoning ? 0 : 1, tokens.get(isReasoning ? 0 : 1) + count);
    }
    assertEquals(REASONING, reasoning.toString());
    assertEquals(TEXT, text.toString());
    assertEquals(List.of(THOUGHT_TOKENS, 2), tokens);
    assertEquals(
        THOUGHT_TOKENS,
        events.getLast().at("/usage/completion_tokens_details/reasoning_tokens").intValue());
  }

  @Test
  void responseHasReasoningItem() {
    JsonNode json = server.json(RESPONSES, response("What is glass?", ""));
    JsonNode item = json.at("/output/0");
    assertEquals("reasoning", item.path("type").stringValue());
    assertTrue(item.path("id").stringValue().startsWith("rs_"));
    assertEquals("completed", item.path("status").stringValue());
    assertEquals("[]", item.path("summary").toString());
    assertEquals(
        "[{\"type\":\"reasoning_text\",\"text\":\"Sand melts.\"}]",
        item.path("content").toString());
    assertEquals(TEXT, json.at("/output/1/content/0/text").stringValue());
    assertEquals(2, json.path("output").size());
    assertEquals(
        THOUGHT_TOKENS, json.at("/usage/output_tokens_details/reasoning_tokens").intValue());
  }

  @Test
  void streamsReasoningEvents() {
    List<JsonNode> events = server.events(RESPONSES, response("What is glass?", ",'stream':true"));
    List<String> types = events.stream().map(e -> e.path("type").stringValue()).toList();
    assertEquals(
        List.of(
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.reasoning_text.delta",
            "response.reasoning_text.delta",
            "response.reasoning_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed"),
        types);
    assertEquals(0, events.get(4).path("output_index").intValue());
    assertEquals(1, events.get(11).path("output_index").intValue());
    assertEquals(REASONING, events.get(6).path("text").stringValue());
    JsonNode output = events.getLast().at("/response/output");
    assertEquals(events.get(8).path("item"), output.path(0));
    assertEquals(events.get(2).at("/item/id"), output.at("/0/id"));
    assertEquals(events.get(15).path("item"), output.path(1));
  }

  /** The template renders the reasoning, so that it counts in the prompt. */
  @Test
  void acceptsReasoningOfEarlierMessages() {
    String[] bodies = {
      "{'role':'user','content':'a'},%s{'role':'assistant','content':'b'}",
      "{'role':'user','content':'a'},%s{'type':'function_call','call_id':'c','name':'f',"
          + "'arguments':'{}'},{'type':'function_call_output','call_id':'c','output':'x'}",
    };
    String item =
        "{'type':'reasoning','id':'rs_1','summary':[],'encrypted_content':null,'status':'completed',"
            + "'content':[{'type':'reasoning_text','text':'hm'}]},";
    String summed =
        "{'type':'reasoning','id':'rs_1','summary':[{'type':'summary_text','text':'hm'}]},";
    for (String body : bodies) {
      int without = inputTokens(body.formatted(""));
      int reasoning = inputTokens(body.formatted(item));
      assertEquals(reasoning, inputTokens(body.formatted(summed)));
      // The template writes two markers, each a token of the vocabulary if it is in a script.
      assertTrue(reasoning > without + "hm".length(), reasoning + " " + without);
    }
  }

  private static int inputTokens(String items) {
    String body =
        "{'model':'thinker','input':[" + items + ",{'role':'user','content':'What is glass?'}]}";
    return server.json(RESPONSES, body).at("/usage/input_tokens").intValue();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        ",'reasoning_effort':'none'",
        ",'chat_template_kwargs':{'enable_thinking':false}",
      })
  void disablesReasoning(String field) {
    JsonNode json = server.json(CHAT, chat("What is glass?", field));
    assertEquals("Just glass.", message(json).path("content").stringValue());
    assertFalse(message(json).has("reasoning_content"));
    JsonNode items = server.json(RESPONSES, response("What is glass?", field)).path("output");
    assertEquals("message", items.at("/0/type").stringValue());
  }

  @Test
  void reasoningEffortFallsBackToEnableThinking() {
    assertEquals(
        TEXT,
        message(server.json(CHAT, chat("What is glass?", ",'reasoning_effort':'low'")))
            .path("content")
            .stringValue());
    JsonNode off =
        server.json(RESPONSES, response("What is glass?", ",'reasoning':{'effort':'none'}"));
    assertEquals("Just glass.", off.at("/output/0/content/0/text").stringValue());
    assertEquals("none", off.at("/reasoning/effort").stringValue());
    assertEquals(
        "400 unsupported_parameter reasoning_effort reasoning_effort: must be one of none, minimal,"
            + " low, medium, high, xhigh, max",
        TestServer.error(server.post(CHAT, chat("a", ",'reasoning_effort':'much'"))));
  }

  @Test
  void schemaAppliesAfterReasoning() {
    String format =
        ",'response_format':{'type':'json_schema','json_schema':{'name':'x','schema':"
            + SCHEMA
            + "}}";
    JsonNode json = server.json(CHAT, chat("JSON, please", format));
    assertEquals("Which? Red.", message(json).path("reasoning_content").stringValue());
    assertEquals("{\"color\":\"red\"}", message(json).path("content").stringValue());
    assertEquals("stop", json.at("/choices/0/finish_reason").stringValue());
    JsonNode plain = server.json(CHAT, chat("JSON, please", format + ",'reasoning_effort':'none'"));
    assertTrue(message(plain).path("content").stringValue().startsWith("{"), plain.toString());
    JsonNode response =
        server.json(
            RESPONSES,
            response(
                "JSON, please",
                ",'text':{'format':{'type':'json_schema','name':'x','schema':" + SCHEMA + "}}"));
    assertEquals("Which? Red.", response.at("/output/0/content/0/text").stringValue());
    assertEquals("{\"color\":\"red\"}", response.at("/output/1/content/0/text").stringValue());
  }

  @ParameterizedTest
  @CsvSource({"auto", "required"})
  void parsesCallsAfterReasoningThatNamesTheirMarkers(String choice) {
    JsonNode json =
        server.json(CHAT, chat("What is glass?", TOOLS + ",'tool_choice':'" + choice + "'"));
    assertEquals(
        "Look, no <tool_call> yet.", message(json).path("reasoning_content").stringValue());
    assertTrue(message(json).path("content").isNull());
    assertEquals(
        "{\"place\":\"Rome\"}", message(json).at("/tool_calls/0/function/arguments").stringValue());
  }

  @Test
  void answerMayEndWithinReasoning() {
    JsonNode json = server.json(CHAT, chat("What is glass?", ",'max_tokens':2"));
    assertEquals("Sand", message(json).path("reasoning_content").stringValue());
    assertEquals("", message(json).path("content").stringValue());
    assertEquals("length", json.at("/choices/0/finish_reason").stringValue());
    JsonNode response =
        server.json(RESPONSES, response("What is glass?", ",'max_output_tokens':2"));
    assertEquals("incomplete", response.path("status").stringValue());
    assertEquals("incomplete", response.at("/output/0/status").stringValue());
    assertEquals(1, response.path("output").size());
    List<JsonNode> events =
        server.events(
            RESPONSES, response("What is glass?", ",'max_output_tokens':2,'stream':true"));
    assertEquals("response.incomplete", events.getLast().path("type").stringValue());
    assertEquals("incomplete", events.getLast().at("/response/output/0/status").stringValue());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'encrypted_content':'x' | 400 unsupported_parameter input[0].encrypted_content",
        "'content':[{'type':'text','text':'x'}] | 400 invalid_value input[0].content[0].type",
        "'color':'x' | 400 unknown_parameter input[0].color",
      })
  void rejectsUnsupportedReasoning(String field, String expected) {
    String error =
        TestServer.error(
            server.post(
                RESPONSES, "{'model':'thinker','input':[{'type':'reasoning'," + field + "}]}"));
    assertTrue(error.startsWith(expected), error);
  }
}
