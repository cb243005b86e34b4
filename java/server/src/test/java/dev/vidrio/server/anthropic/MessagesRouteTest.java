package dev.vidrio.server.anthropic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.server.ModelSource;
import dev.vidrio.server.testserver.TestServer;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Anthropic's Messages API, whole and streamed. */
class MessagesRouteTest {
  private static final String PATH = "/v1/messages";
  private static final String COUNT = PATH + "/count_tokens";
  private static final String ASK = "'messages':[{'role':'user','content':'What is glass?'}]";
  private static final String TEXT = String.join("", TestServer.ANSWER);
  private static final String TOOLS =
      ",'tools':[{'name':'get_weather','description':'x','input_schema':{'type':'object',"
          + "'properties':{'place':{'enum':['Rome']}},'required':['place'],"
          + "'additionalProperties':false},'cache_control':{'type':'ephemeral'}}]";

  @RegisterExtension static final TestServer server = TestServer.forAllWithThinker();

  private static String body(String model, String more) {
    return "{'model':'" + model + "','max_tokens':100," + ASK + more + "}";
  }

  private static JsonNode message(String more) {
    return server.json(PATH, body("parrot", more));
  }

  private static JsonNode read(String json) {
    return JsonMapper.shared().readTree(json.replace('\'', '"'));
  }

  /** Returns the tokens that the prompt of a chat in OpenAI's API has. */
  private static int promptTokens(String chat) {
    return server.json("/v1/chat/completions", chat).at("/usage/prompt_tokens").intValue();
  }

  /** Returns the events of a stream; the name of each must be its type. */
  private static List<JsonNode> stream(String model, String more) {
    HttpResponse<String> response = server.post(PATH, body(model, ",'stream':true" + more));
    assertEquals(
        "text/event-stream; charset=utf-8",
        response.headers().firstValue("content-type").orElse(""));
    return response
        .body()
        .lines()
        .collect(Collectors.groupingBy(line -> line.split(":", 2)[0]))
        .getOrDefault("data", List.of())
        .stream()
        .map(line -> line.substring("data: ".length()))
        .peek(
            json ->
                assertTrue(
                    response
                        .body()
                        .contains(
                            "event: "
                                + read(json).path("type").stringValue()
                                + "\ndata: "
                                + json
                                + "\n\n")))
        .map(json -> JsonMapper.shared().readTree(json))
        .toList();
  }

  /** Returns the types of events, with the types of blocks and deltas. */
  private static List<String> types(List<JsonNode> events) {
    return events.stream()
        .map(
            event ->
                event.path("type").stringValue()
                    + event.at("/content_block/type").stringValue("")
                    + event.at("/delta/type").stringValue(""))
        .distinct()
        .toList();
  }

  private static String joined(List<JsonNode> events, String field) {
    return events.stream()
        .map(event -> event.at("/delta/" + field).stringValue(""))
        .collect(Collectors.joining());
  }

  @Test
  void returnsMessageWithUsage() {
    JsonNode json = message("");
    assertTrue(json.path("id").stringValue().matches("msg_[0-9a-f]{24}"));
    int prompt = promptTokens("{'model':'parrot'," + ASK + "}");
    int cached = json.at("/usage/cache_read_input_tokens").intValue();
    ((ObjectNode) json).remove("id");
    assertEquals(
        read(
            "{'type':'message','role':'assistant','model':'parrot','content':[{'type':'text',"
                + "'text':'"
                + TEXT
                + "'}],'stop_reason':'end_turn','stop_sequence':null,'usage':{'input_tokens':"
                + (prompt - cached)
                + ",'cache_creation_input_tokens':0,'cache_read_input_tokens':"
                + cached
                + ",'output_tokens':5,'output_tokens_details':{'thinking_tokens':0}}}"),
        json);
    assertEquals(
        prompt,
        server
            .json(COUNT, body("parrot", "").replace("'max_tokens':100,", ""))
            .at("/input_tokens")
            .intValue());
  }

  @Test
  void streamsBlocks() {
    List<JsonNode> events = stream("parrot", "");
    assertEquals(
        List.of(
            "message_start",
            "ping",
            "content_block_starttext",
            "content_block_deltatext_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"),
        types(events));
    JsonNode start = events.getFirst().path("message");
    assertEquals("[]", start.path("content").toString());
    assertTrue(start.path("stop_reason").isNull());
    assertEquals(
        promptTokens("{'model':'parrot'," + ASK + "}"), start.at("/usage/input_tokens").intValue());
    assertEquals(TEXT, joined(events, "text"));
    JsonNode end = events.get(events.size() - 2);
    assertEquals("end_turn", end.at("/delta/stop_reason").stringValue());
    assertEquals(5, end.at("/usage/output_tokens").intValue());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'stop_sequences':['no',' solid'] | stop_sequence |  solid | Glass is a",
        "'stop_sequences':['nothing'] | end_turn | null | Glass is a solid…",
        "'temperature':0,'top_k':1,'top_p':0.5,'seed':1 | end_turn | null | Glass is a solid…",
      })
  void reportsWhyAnswerEnded(String field, String reason, String sequence, String text) {
    String found = sequence.equals("solid") ? " solid" : sequence;
    JsonNode json = message("," + field);
    assertEquals(reason, json.path("stop_reason").stringValue());
    assertEquals(found, json.path("stop_sequence").stringValue("null"));
    assertEquals(text, json.at("/content/0/text").stringValue());
    List<JsonNode> events = stream("parrot", "," + field);
    JsonNode delta = events.get(events.size() - 2).path("delta");
    assertEquals(reason, delta.path("stop_reason").stringValue());
    assertEquals(found, delta.path("stop_sequence").stringValue("null"));
    assertEquals(text, joined(events, "text"));
  }

  @Test
  void reportsLimitOfTokens() {
    JsonNode json =
        server.json(PATH, body("parrot", "").replace("'max_tokens':100", "'max_tokens':2"));
    assertEquals("max_tokens", json.path("stop_reason").stringValue());
    assertEquals("Glass is", json.at("/content/0/text").stringValue());
  }

  @Test
  void returnsToolUse() {
    JsonNode json = message(TOOLS);
    assertEquals("tool_use", json.path("stop_reason").stringValue());
    assertEquals("Let me look.", json.at("/content/0/text").stringValue());
    JsonNode call = json.at("/content/1");
    assertEquals("tool_use", call.path("type").stringValue());
    assertTrue(call.path("id").stringValue().matches("[0-9a-f]{9}"));
    assertEquals("get_weather", call.path("name").stringValue());
    assertEquals(read("{'place':'Köln'}"), call.path("input"));
    List<JsonNode> events = stream("parrot", TOOLS);
    assertEquals(
        List.of(
            "message_start",
            "ping",
            "content_block_starttext",
            "content_block_deltatext_delta",
            "content_block_stop",
            "content_block_starttool_use",
            "content_block_deltainput_json_delta",
            "message_delta",
            "message_stop"),
        types(events));
    assertEquals("{\"place\":\"Köln\"}", joined(events, "partial_json"));
    assertEquals(1, events.get(events.size() - 3).path("index").intValue());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'type':'none'} | text",
        "{'type':'any','disable_parallel_tool_use':true} | tool_use",
        "{'type':'tool','name':'get_weather'} | tool_use",
      })
  void followsToolChoice(String choice, String type) {
    JsonNode block = message(TOOLS + ",'tool_choice':" + choice).at("/content/0");
    assertEquals(type, block.path("type").stringValue());
    if (type.equals("tool_use")) {
      assertEquals(read("{'place':'Rome'}"), block.path("input"));
    }
  }

  /** An answer is sent back as it came, with the result of its call. */
  @Test
  void continuesAfterToolResults() {
    ArrayNode messages = JsonMapper.shared().createArrayNode();
    messages.add(read("{'role':'user','content':'Weather?'}"));
    ObjectNode request = (ObjectNode) read("{'model':'parrot','max_tokens':100" + TOOLS + "}");
    request.set("messages", messages);
    JsonNode answer = server.json(PATH, request.toString());
    ObjectNode turn = (ObjectNode) read("{'role':'assistant'}");
    turn.set("content", answer.path("content"));
    messages.add(turn);
    ObjectNode result =
        (ObjectNode)
            read(
                "{'type':'tool_result','content':[{'type':'text','text':'rain'}],'is_error':false}");
    result.set("tool_use_id", answer.at("/content/1/id"));
    ObjectNode user = (ObjectNode) read("{'role':'user','content':[]}");
    ((ArrayNode) user.path("content")).add(result).add(read("{'type':'text','text':'So?'}"));
    messages.add(user);
    request.set("tool_choice", read("{'type':'none'}"));
    assertEquals(TEXT, server.json(PATH, request.toString()).at("/content/0/text").stringValue());
    String chat =
        "{'model':'parrot','messages':[{'role':'user','content':'Weather?'},{'role':'assistant',"
            + "'content':'Let me look.','tool_calls':[{'id':'x','type':'function','function':"
            + "{'name':'get_weather','arguments':'{\\\"place\\\":\\\"Köln\\\"}'}}]},"
            + "{'role':'tool','tool_call_id':'x','content':'rain'},{'role':'user',"
            + "'content':'So?'}]}";
    request.remove("max_tokens");
    assertEquals(
        promptTokens(chat), server.json(COUNT, request.toString()).path("input_tokens").intValue());
  }

  @Test
  void readsSystemPrompts() {
    int expected =
        promptTokens(
            "{'model':'parrot','messages':[{'role':'system','content':'Be brief.'},"
                + ASK.substring(ASK.indexOf('{'))
                + "}");
    String blocks = "[{'type':'text','text':'Be '},{'type':'text','text':'brief.'}]";
    for (String system : List.of("'Be brief.'", blocks)) {
      String body = "{'model':'parrot','system':" + system + "," + ASK + "}";
      assertEquals(expected, server.json(COUNT, body).at("/input_tokens").intValue());
    }
  }

  @Test
  void returnsThinkingBeforeText() {
    JsonNode json = server.json(PATH, body("thinker", ""));
    assertEquals(
        read(
            "[{'type':'thinking','thinking':'Sand melts.','signature':''},"
                + "{'type':'text','text':'Glass is sand.'}]"),
        json.path("content"));
    assertEquals(4, json.at("/usage/output_tokens_details/thinking_tokens").intValue());
    List<JsonNode> events = stream("thinker", ",'thinking':{'type':'adaptive'}");
    assertEquals(
        List.of(
            "message_start",
            "ping",
            "content_block_startthinking",
            "content_block_deltathinking_delta",
            "content_block_stop",
            "content_block_starttext",
            "content_block_deltatext_delta",
            "message_delta",
            "message_stop"),
        types(events));
    assertEquals("Sand melts.", joined(events, "thinking"));
    assertEquals("Glass is sand.", joined(events, "text"));
    String off = ",'thinking':{'type':'disabled'}";
    assertEquals(
        "Just glass.", server.json(PATH, body("thinker", off)).at("/content/0/text").stringValue());
    assertEquals(TEXT, message(off).at("/content/0/text").stringValue());
    String back =
        "{'model':'thinker','messages':[{'role':'user','content':'a'},{'role':'assistant',"
            + "'content':[{'type':'thinking','thinking':'hm','signature':''},"
            + "{'type':'text','text':'b'}]},{'role':'user','content':'c'}]}";
    String without = back.replace("{'type':'thinking','thinking':'hm','signature':''},", "");
    assertTrue(
        server.json(COUNT, back).at("/input_tokens").intValue()
            > server.json(COUNT, without).at("/input_tokens").intValue());
  }

  @Test
  void answersInSchema() {
    String format =
        ",'output_config':{'format':{'type':'json_schema','schema':{'type':'object',"
            + "'properties':{'color':{'enum':['red']}},'required':['color'],"
            + "'additionalProperties':false}}}";
    JsonNode json = message(format);
    assertEquals(read("{'color':'red'}"), read(json.at("/content/0/text").stringValue()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'max_tokens':0 | max_tokens 0: must be an integer from 1 to 4096",
        "'max_tokens':5000 | max_tokens 5000: must be an integer from 1 to 4096",
        "'max_tokens':null | max_tokens: is required",
        "'temperature':3 | temperature 3: must be a number from 0 to 2",
        "'n':2 | n: not supported",
        "'color':1 | color: not supported",
        "'container':'x' | container: not supported",
        "'speed':'fast' | speed \"fast\": not supported; must be standard",
        "'stop_sequences':[1] | stop_sequences[0] 1: must be a string",
        "'thinking':{'type':'enabled','budget_tokens':5} | thinking.budget_tokens 5: must be an"
            + " integer from 1024 to 2147483647",
        "'thinking':{'type':'enabled','budget_tokens':2000} | thinking.budget_tokens 2000: must be"
            + " less than max_tokens, 100",
        "'thinking':{'type':'adaptive'} | thinking: the model's chat template reads no variable"
            + " for it",
        "'thinking':{'type':'x'} | thinking.type \"x\": must be enabled, adaptive or disabled",
        "'output_config':{'effort':'low'} | output_config.effort: the model's chat template reads"
            + " no variable for it",
        "'output_config':{'format':{'type':'json_schema','schema':{'type':1}}} |"
            + " output_config.format.schema: JSON schema '#' keyword 'type': must",
        "'tools':[{'type':'web_search_20250305','name':'x'}] | tools[0].type"
            + " 'web_search_20250305': not supported; only custom tools are",
        "'tools':[{'name':'a b','input_schema':{}}] | tools[0].name \"a b\": must be 1 to 64",
        "'tools':[{'name':'a','input_schema':{'type':'array'}}] | tools[0].input_schema.type",
        "'tool_choice':{'type':'any'} | tool_choice: needs tools",
        "'tool_choice':{'type':'tool','name':'x'} | tool_choice.name \"x\": must be one of the"
            + " tools",
        "'messages':[] | messages of 0 elements: must have 1 to 4096",
        "'messages':[{'role':'tool','content':'x'}] | messages[0].role \"tool\": must be user,"
            + " assistant or system",
        "'messages':[{'role':'user','content':'x'},{'role':'assistant','content':'y'}] |"
            + " messages[1].role 'assistant': not supported in the last message (prefill)",
        "'messages':[{'role':'user','content':[{'type':'image','source':{}}]}] |"
            + " messages[0].content[0].type 'image': not supported; only text input is",
        "'messages':[{'role':'user','content':[{'type':'document','source':{}}]}] |"
            + " messages[0].content[0].type 'document': not supported; only text input is",
        "'messages':[{'role':'user','content':[{'type':'tool_result','tool_use_id':'x','content':"
            + "[{'type':'image','source':{}}]}]}] | messages[0].content[0].content[0].type 'image'",
        "'messages':[{'role':'user','content':[{'type':'text','text':'x','citations':[{}]}]}] |"
            + " messages[0].content[0].citations of 1 elements",
      })
  void rejectsInvalidRequests(String field, String message) {
    ObjectNode request = (ObjectNode) read(body("parrot", ""));
    ((ObjectNode) read("{" + field + "}"))
        .properties()
        .forEach(entry -> request.set(entry.getKey(), entry.getValue()));
    assertError(400, "invalid_request_error", message, server.post(PATH, request.toString()));
  }

  private static void assertError(
      int status, String type, String message, HttpResponse<String> response) {
    JsonNode json = JsonMapper.shared().readTree(response.body());
    assertEquals(status, response.statusCode(), response.body());
    assertEquals("error", json.path("type").stringValue());
    assertEquals(type, json.at("/error/type").stringValue());
    String shown = json.at("/error/message").stringValue();
    assertTrue(shown.startsWith(message), shown);
    assertEquals(
        response.headers().firstValue("request-id").orElse("none"),
        json.path("request_id").stringValue());
  }

  @Test
  void reportsErrorsInAnthropicFormat() {
    assertError(
        404,
        "not_found_error",
        "model 'x' not found; available: parrot, bard, thinker",
        server.post(PATH, body("x", "")));
    assertError(
        404,
        "not_found_error",
        "path /v1/messages/batches not found",
        server.get("/v1/messages/batches"));
    assertError(405, "invalid_request_error", "method GET: not allowed", server.get(PATH));
    assertError(
        400,
        "invalid_request_error",
        "model bard: has no chat template",
        server.post(PATH, body("bard", "")));
    assertError(
        404,
        "not_found_error",
        "path /v1/complete not found",
        server.send(
            server.request("/v1/complete").header("anthropic-version", "2023-06-01").build()));
  }

  @Test
  void listsModels() {
    JsonNode json =
        JsonMapper.shared()
            .readTree(
                server
                    .send(
                        server
                            .request("/v1/models")
                            .header("anthropic-version", "2023-06-01")
                            .build())
                    .body());
    assertEquals("parrot", json.path("first_id").stringValue());
    assertEquals("thinker", json.path("last_id").stringValue());
    JsonNode first = json.at("/data/0");
    assertEquals("model", first.path("type").stringValue());
    assertTrue(first.path("created_at").stringValue().endsWith("Z"));
  }

  @Test
  void acceptsKeyInItsOwnHeader() {
    try (TestServer keyed =
        TestServer.start(
            options -> options.withApiKeys(List.of("one")),
            new ModelSource(TestServer.PARROT, TestServer::parrot))) {
      assertError(
          401,
          "authentication_error",
          "header Authorization: must be 'Bearer'",
          keyed.post(PATH, body("parrot", "")));
      for (String key : List.of("one", "two")) {
        HttpResponse<String> response =
            keyed.send(
                keyed
                    .jsonRequest(PATH, body("parrot", "").replace('\'', '"'))
                    .header("x-api-key", key)
                    .build());
        if (key.equals("one")) {
          assertEquals(200, response.statusCode());
        } else {
          assertError(401, "authentication_error", "header x-api-key: invalid API key", response);
        }
      }
    }
  }
}
