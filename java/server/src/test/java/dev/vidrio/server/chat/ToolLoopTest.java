package dev.vidrio.server.chat;

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
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Agents that send a model's calls back to it as they came, with the results. */
class ToolLoopTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String RESPONSES = "/v1/responses";

  /** Reads the content of every message, as templates of Qwen 3 and others do. */
  private static final String TEMPLATE =
      "{% for m in messages %}{{ m.role }}{{ m.content.split('\\n')[-1] }}"
          + "{% for call in m.tool_calls or [] %}CALL{% endfor %}{% endfor %}"
          + "{{ '=' if tools else ':' }}";

  private static final String FUNCTION =
      "'name':'get_weather','parameters':{'type':'object','properties':{}}";
  private static final String TOOLS = "'tools':[{'type':'function','function':{" + FUNCTION + "}}]";
  private static final String FLAT_TOOLS = "'tools':[{'type':'function'," + FUNCTION + "}]";

  @TempDir private static Path directory;
  private static TestServer server;

  private static final String HERMES = "<tool_call>{{ call.function | tojson }}</tool_call>";

  private static final List<String> CALL =
      List.of("<tool_call>{\"name\": \"get_weather\",", " \"arguments\": {}}</tool_call>");

  private static ModelSource source(String name, String call) throws IOException {
    return source(name, call, CALL);
  }

  private static ModelSource source(String name, String call, List<String> script)
      throws IOException {
    Path file =
        ParrotModel.write(
            directory.resolve(name + ".gguf"),
            Map.of(':', List.of("It", " rains."), '=', script),
            TEMPLATE.replace("CALL", call));
    return new ModelSource(name, () -> Model.open(file));
  }

  @BeforeAll
  static void start() throws IOException {
    server =
        TestServer.start(
            options -> options,
            source("known", HERMES),
            source("unknown", "<call name={{ call.function.name }}></call>"),
            source(
                "parts",
                HERMES,
                List.of(
                    "I look.",
                    "\n<tool_call>{\"name\": \"get_weather\",",
                    " \"arguments\": {\"a\": ",
                    "[1]}}</tool_call>",
                    "\nDone.",
                    "\n<tool_call>{\"name\": \"whether\", \"arguments\": {}}</tool_call>")));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static ObjectNode object(String json) {
    return (ObjectNode) JsonMapper.shared().readTree(json.replace('\'', '"'));
  }

  private static JsonNode chat(ArrayNode messages, String more) {
    ObjectNode request = object("{'model':'known'," + TOOLS + more + "}");
    request.set("messages", messages);
    return server.json(CHAT, request.toString()).at("/choices/0");
  }

  @Test
  void answersThreeTurnsOfAChatWithCalls() {
    ArrayNode messages = JsonMapper.shared().createArrayNode();
    for (int turn = 0; turn < 3; turn++) {
      messages.add(object("{'role':'user','content':'Weather?'}"));
      for (int call = 0; call < 2; call++) {
        JsonNode choice = chat(messages, "");
        assertEquals("tool_calls", choice.path("finish_reason").stringValue());
        assertTrue(choice.at("/message/content").isNull());
        messages.add(choice.path("message"));
        ObjectNode result = object("{'role':'tool','content':'rain'}");
        result.set("tool_call_id", choice.at("/message/tool_calls/0/id"));
        messages.add(result);
      }
      JsonNode choice = chat(messages, ",'tool_choice':'none'");
      assertEquals("It rains.", choice.at("/message/content").stringValue());
      messages.add(choice.path("message"));
    }
    assertEquals(18, messages.size());
  }

  @Test
  void answersThreeTurnsOfResponsesWithCalls() {
    ArrayNode input = JsonMapper.shared().createArrayNode();
    for (int turn = 0; turn < 3; turn++) {
      input.add(object("{'role':'user','content':'Weather?'}"));
      for (int call = 0; call < 2; call++) {
        JsonNode item = respond(input, "");
        assertEquals("function_call", item.path("type").stringValue());
        input.add(item);
        ObjectNode result = object("{'type':'function_call_output','output':'rain'}");
        result.set("call_id", item.path("call_id"));
        input.add(result);
      }
      JsonNode item = respond(input, ",'tool_choice':'none'");
      assertEquals("It rains.", item.at("/content/0/text").stringValue());
      input.add(item);
    }
    assertEquals(18, input.size());
  }

  private static JsonNode respond(ArrayNode input, String more) {
    ObjectNode request = object("{'model':'known'," + FLAT_TOOLS + more + "}");
    request.set("input", input);
    return server.json(RESPONSES, request.toString()).at("/output/0");
  }

  /** Text before and after a call, and one of a function that is not a tool, which is text. */
  @Test
  void streamsTextAroundCalls() {
    String after = "Done.\n<tool_call>{\"name\": \"whether\", \"arguments\": {}}</tool_call>";
    String request = "{'model':'parts'," + TOOLS + ",'messages':[{'role':'user','content':'?'}]";
    JsonNode choice = server.json(CHAT, request + "}").at("/choices/0");
    assertEquals("I look.\n" + after, choice.at("/message/content").stringValue());
    assertEquals(
        "{\"a\":[1]}", choice.at("/message/tool_calls/0/function/arguments").stringValue());
    var content = new StringBuilder();
    var arguments = new StringBuilder();
    for (JsonNode event : server.events(CHAT, request + ",'stream':true}")) {
      content.append(event.at("/choices/0/delta/content").stringValue(""));
      arguments.append(
          event.at("/choices/0/delta/tool_calls/0/function/arguments").stringValue(""));
    }
    assertEquals("I look.\n" + after, content.toString());
    assertEquals("{\"a\":[1]}", arguments.toString());
    List<JsonNode> events =
        server.events(RESPONSES, "{'model':'parts','input':'?'," + FLAT_TOOLS + ",'stream':true}");
    JsonNode output = events.getLast().at("/response/output");
    assertEquals(3, output.size());
    assertEquals("I look.", output.at("/0/content/0/text").stringValue());
    assertEquals("{\"a\":[1]}", output.at("/1/arguments").stringValue());
    assertEquals("completed", output.at("/1/status").stringValue());
    assertEquals(after, output.at("/2/content/0/text").stringValue().strip());
  }

  @Test
  void rejectsToolsOfAnUnknownCallFormat() {
    String error =
        "400 unsupported_parameter tools tools: this model's chat template writes tool calls in a"
            + " format that is not supported";
    String messages = ",'messages':[{'role':'user','content':'Weather?'}]";
    assertEquals(
        error, TestServer.error(server.post(CHAT, "{'model':'unknown'," + TOOLS + messages + "}")));
    assertEquals(
        error,
        TestServer.error(
            server.post(RESPONSES, "{'model':'unknown','input':'Weather?'," + FLAT_TOOLS + "}")));
    String none = "{'model':'unknown'," + TOOLS + ",'tool_choice':'none'" + messages + "}";
    assertEquals(
        "It rains.", server.json(CHAT, none).at("/choices/0/message/content").stringValue());
  }
}
