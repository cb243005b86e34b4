package dev.vidrio.server.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.server.testserver.TestServer;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The route {@code /v1/responses}, whole and streamed. */
class ResponseRouteTest {
  private static final String PATH = "/v1/responses";
  private static final String TEXT = String.join("", TestServer.ANSWER);
  private static final String TOOLS =
      ",'tools':[{'type':'function','name':'get_weather','parameters':{'type':'object'}}]";

  @RegisterExtension static final TestServer server = TestServer.forAll();

  private static JsonNode respond(String input, String more) {
    return server.json(PATH, "{'model':'parrot','input':" + input + more + "}");
  }

  private static List<JsonNode> events(String more) {
    HttpResponse<String> response =
        server.post(PATH, "{'model':'parrot','input':'What is glass?','stream':true" + more + "}");
    List<JsonNode> events = new ArrayList<>();
    for (String event : response.body().split("\n\n", 0)) {
      String[] lines = event.split("\n", 2);
      JsonNode json = JsonMapper.shared().readTree(lines[1].substring("data: ".length()));
      assertEquals("event: " + json.path("type").stringValue(), lines[0]);
      assertEquals(events.size(), json.path("sequence_number").intValue());
      events.add(json);
    }
    return events;
  }

  private static List<String> types(List<JsonNode> events) {
    return events.stream().map(event -> event.path("type").stringValue()).toList();
  }

  @Test
  void returnsResponseWithUsage() {
    JsonNode json = respond("'What is glass?'", ",'instructions':'Be brief.','metadata':{'a':'b'}");
    assertEquals("response", json.path("object").stringValue());
    assertEquals("completed", json.path("status").stringValue());
    assertTrue(json.path("error").isNull());
    assertEquals("b", json.path("metadata").path("a").stringValue());
    assertEquals("Be brief.", json.path("instructions").stringValue());
    JsonNode item = json.path("output").path(0);
    assertEquals("message", item.path("type").stringValue());
    assertEquals("assistant", item.path("role").stringValue());
    assertEquals("output_text", item.path("content").path(0).path("type").stringValue());
    assertEquals(TEXT, item.path("content").path(0).path("text").stringValue());
    assertEquals(5, json.path("usage").path("output_tokens").intValue());
  }

  @Test
  void acceptsDefaultValues() {
    JsonNode json =
        respond(
            "'What is glass?'",
            ",'reasoning':{'effort':null},'text':{'verbosity':'medium'},'truncation':'disabled',"
                + "'include':['reasoning.encrypted_content'],'previous_response_id':null,"
                + "'store':false,'background':false,'prompt_cache_key':'a','tools':[]");
    assertEquals(
        TEXT, json.path("output").path(0).path("content").path(0).path("text").stringValue());
    assertEquals("[]", json.at("/output/0/content/0/logprobs").toString());
  }

  @Test
  void cutResponseIsIncomplete() {
    JsonNode json = respond("'What is glass?'", ",'max_output_tokens':2");
    assertEquals("incomplete", json.path("status").stringValue());
    assertEquals("max_output_tokens", json.path("incomplete_details").path("reason").stringValue());
    assertEquals(2, json.path("max_output_tokens").intValue());
    assertEquals("incomplete", json.at("/output/0/status").stringValue());
  }

  @Test
  void convertsItemsToMessages() {
    String input =
        "[{'role':'user','content':[{'type':'input_text','text':'Weather?'}]},"
            + "{'id':'m','type':'message','status':'completed','role':'assistant','content':"
            + "[{'type':'output_text','text':'I look.','annotations':[],'logprobs':[]}]},"
            + "{'type':'function_call','call_id':'c','name':'get_weather','arguments':'{}'},"
            + "{'type':'function_call_output','call_id':'c','output':'rain'},"
            + "{'role':'user','content':'And glass?'}]";
    JsonNode json = respond(input, "");
    assertEquals(
        TEXT, json.path("output").path(0).path("content").path(0).path("text").stringValue());
  }

  @Test
  void returnsCallsAsItems() {
    JsonNode output = respond("'Weather?'", TOOLS).path("output");
    assertEquals(2, output.size());
    assertEquals("Let me look.", output.path(0).path("content").path(0).path("text").stringValue());
    assertEquals("function_call", output.path(1).path("type").stringValue());
    assertEquals("get_weather", output.path(1).path("name").stringValue());
    assertEquals("{\"place\":\"Köln\"}", output.path(1).path("arguments").stringValue());
  }

  @Test
  void streamsAllEvents() {
    List<JsonNode> events = events("");
    List<String> expected = new ArrayList<>();
    expected.addAll(
        List.of(
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added"));
    TestServer.ANSWER.forEach(piece -> expected.add("response.output_text.delta"));
    expected.addAll(
        List.of(
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed"));
    assertEquals(expected, types(events));
    var text = new StringBuilder();
    events.forEach(event -> text.append(event.path("delta").stringValue("")));
    assertEquals(TEXT, text.toString());
    JsonNode response = events.getLast().path("response");
    assertEquals(response.path("id"), events.getFirst().path("response").path("id"));
    assertEquals(
        TEXT, response.path("output").path(0).path("content").path(0).path("text").stringValue());
    assertEquals(events.get(2).path("item").path("id"), response.path("output").path(0).path("id"));
  }

  @Test
  void streamsCalls() {
    List<JsonNode> events = events(TOOLS);
    List<String> types = types(events);
    int added = types.lastIndexOf("response.output_item.added");
    int done = types.indexOf("response.function_call_arguments.done");
    assertTrue(done > added + 2, "the arguments come while they are written");
    var arguments = new StringBuilder();
    for (JsonNode event : events.subList(added + 1, done)) {
      assertEquals("response.function_call_arguments.delta", event.path("type").stringValue());
      arguments.append(event.path("delta").stringValue());
    }
    assertEquals(
        List.of(
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.completed"),
        types.subList(done, types.size()));
    assertEquals("{\"place\":\"Köln\"}", arguments.toString());
    assertEquals(1, events.get(added).path("output_index").intValue());
    assertEquals("{\"place\":\"Köln\"}", events.get(done).path("arguments").stringValue());
    assertEquals("get_weather", events.get(done).path("name").stringValue());
    assertEquals(2, events.getLast().path("response").path("output").size());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'input':'a','previous_response_id':'r' | 400 unsupported_parameter previous_response_id",
        "'input':'a','conversation':'c' | 400 unsupported_parameter conversation",
        "'input':'a','background':true | 400 unsupported_parameter background",
        "'input':'a','store':true | 400 unsupported_parameter store",
        "'input':'a','reasoning':{'effort':'low'} | 400 unsupported_parameter reasoning.effort",
        "'input':'a','reasoning':{'summary':'auto'} | 400 unknown_parameter reasoning.summary",
        "'input':'a','text':{'verbosity':'high'} | 400 invalid_value text.verbosity",
        "'input':'a','n':2 | 400 unsupported_parameter n",
        "'input':'a','truncation':'auto' | 400 invalid_value truncation",
        "'input':'a','include':['x'] | 400 unsupported_parameter include[0]",
        "'input':'a','text':{'format':{'type':'x'}} | 400 invalid_value text.format.type",
        "'input':'a','text':'x' | 400 invalid_value text text \"x\": must be an object",
        "'input':'a','metadata':'x' | 400 invalid_value metadata metadata \"x\": must be an object",
        "'input':'a','max_output_tokens':'1' | 400 invalid_value max_output_tokens",
        "'input':[] | 400 invalid_value input",
        "'input':[{'type':'x'}] | 400 unsupported_parameter input[0].type",
        "'input':[{'role':'x','content':'a'}] | 400 invalid_value input[0].role",
        "'input':[{'role':'user','content':[{'type':'input_image'}]}] | 400 unsupported_parameter"
            + " input[0].content[0].type",
        "'input':'a','tools':[{'type':'web_search'}] | 400 invalid_value tools[0].type",
        "'input':'a','tools':[{'type':'function','name':'f','parameters':{'type':'string'}}] | 400"
            + " invalid_value tools[0].parameters.type tools[0].parameters.type \"string\": must be"
            + " object",
      })
  void rejectsUnsupportedFields(String fields, String expected) {
    String error = TestServer.error(server.post(PATH, "{'model':'parrot'," + fields + "}"));
    assertTrue(error.startsWith(expected), error);
  }
}
