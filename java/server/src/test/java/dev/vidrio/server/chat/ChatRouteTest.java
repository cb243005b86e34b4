package dev.vidrio.server.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.server.testserver.TestServer;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The route {@code /v1/chat/completions}, whole and streamed. */
class ChatRouteTest {
  private static final String PATH = "/v1/chat/completions";
  private static final String ASK =
      "'model':'parrot','messages':[{'role':'user','content':'What is glass?'}]";
  private static final String TOOLS =
      "'tools':[{'type':'function','function':{'name':'get_weather','description':'x',"
          + "'parameters':{'type':'object','properties':{'place':{'type':'string'}}}}}]";
  private static final String TEXT = String.join("", TestServer.ANSWER);

  @RegisterExtension static final TestServer server = TestServer.forAll();

  private static JsonNode chat(String more) {
    return server.json(PATH, "{" + ASK + more + "}");
  }

  /** Returns the events of a stream except for the last. */
  private static List<String> events(String more) {
    HttpResponse<String> response = server.post(PATH, "{" + ASK + ",'stream':true" + more + "}");
    assertEquals(200, response.statusCode(), response.body());
    assertEquals(
        "text/event-stream; charset=utf-8",
        response.headers().firstValue("content-type").orElse(""));
    List<String> events = new ArrayList<>();
    for (String event : response.body().split("\n\n", 0)) {
      assertTrue(event.startsWith("data: "), event);
      events.add(event.substring(6));
    }
    assertTrue(response.body().endsWith("data: [DONE]\n\n"));
    events.removeLast();
    return events;
  }

  private static JsonNode read(String json) {
    return JsonMapper.shared().readTree(json);
  }

  @Test
  void returnsAnswerWithUsage() {
    JsonNode json = chat("");
    assertEquals("chat.completion", json.path("object").stringValue());
    assertEquals("parrot", json.path("model").stringValue());
    assertTrue(json.path("id").stringValue().startsWith("chatcmpl-"));
    JsonNode choice = json.path("choices").path(0);
    assertEquals(0, choice.path("index").intValue());
    assertEquals(
        read("{\"role\":\"assistant\",\"content\":\"" + TEXT + "\",\"refusal\":null}"),
        choice.path("message"));
    assertEquals("stop", choice.path("finish_reason").stringValue());
    assertTrue(choice.path("logprobs").isNull());
    JsonNode usage = json.path("usage");
    // BOS, "u:", the text, a line feed, "a:"
    assertEquals(usage.path("prompt_tokens").intValue() + 5, usage.path("total_tokens").intValue());
    assertEquals(5, usage.path("completion_tokens").intValue());
  }

  @Test
  void streamsChunksInOpenAiFormat() {
    List<String> events = events("");
    JsonNode first = read(events.getFirst());
    String head =
        "{\"id\":\"%s\",\"object\":\"chat.completion.chunk\",\"created\":%d,\"model\":\"parrot\",\"system_fingerprint\":\"bits-1-int8-f16\",\"choices\":[{\"index\":0,\"delta\":{"
            .formatted(first.path("id").stringValue(), first.path("created").longValue());
    List<String> expected = new ArrayList<>();
    expected.add(
        head
            + "\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":null}]}");
    for (String piece : TestServer.ANSWER) {
      expected.add(
          head + "\"content\":\"" + piece + "\"},\"logprobs\":null,\"finish_reason\":null}]}");
    }
    expected.add(head + "},\"logprobs\":null,\"finish_reason\":\"stop\"}]}");
    assertEquals(expected, events);
  }

  @Test
  void streamsUsageOnRequest() {
    List<String> events = events(",'stream_options':{'include_usage':true}");
    JsonNode last = read(events.getLast());
    assertEquals(0, last.path("choices").size());
    assertEquals(5, last.path("usage").path("completion_tokens").intValue());
    for (String event : events.subList(0, events.size() - 1)) {
      assertTrue(read(event).path("usage").isNull());
      assertEquals(1, read(event).path("choices").size());
    }
  }

  @Test
  void streamsUsageWithEachChunk() {
    List<String> events =
        events(",'stream_options':{'include_usage':true,'continuous_usage_stats':true}");
    JsonNode last = read(events.getLast()).path("usage");
    for (int i = 0; i < 6; i++) {
      JsonNode usage = read(events.get(i)).path("usage");
      assertEquals(last.path("prompt_tokens"), usage.path("prompt_tokens"));
      assertEquals(i, usage.path("completion_tokens").intValue());
    }
    assertEquals(5, last.path("completion_tokens").intValue());
  }

  @Test
  void numbersSeveralAnswers() {
    JsonNode json = chat(",'n':3,'seed':1");
    assertEquals(3, json.path("choices").size());
    for (int i = 0; i < 3; i++) {
      assertEquals(i, json.path("choices").path(i).path("index").intValue());
      assertEquals(
          TEXT, json.path("choices").path(i).path("message").path("content").stringValue());
    }
    assertEquals(15, json.path("usage").path("completion_tokens").intValue());
    List<StringBuilder> texts =
        List.of(new StringBuilder(), new StringBuilder(), new StringBuilder());
    int ended = 0;
    for (String event : events(",'n':3,'seed':1")) {
      JsonNode choice = read(event).path("choices").path(0);
      texts
          .get(choice.path("index").intValue())
          .append(choice.path("delta").path("content").stringValue(""));
      ended += choice.path("finish_reason").isNull() ? 0 : 1;
    }
    assertEquals(3, ended);
    texts.forEach(text -> assertEquals(TEXT, text.toString()));
  }

  /** Some clients look for the code, others for the message. */
  @Test
  void rejectsTooLongConversations() {
    String words = "a".repeat(2000);
    String body = "{'model':'parrot','messages':[{'role':'user','content':'" + words + "'}]}";
    String error = TestServer.error(server.post(PATH, body));
    assertTrue(error.startsWith("400 context_length_exceeded messages messages: has 20"), error);
    assertTrue(error.endsWith("this model's maximum context length is 1024"), error);
    String input = "{'model':'parrot','input':'" + words + "'}";
    String response = TestServer.error(server.post("/v1/responses", input));
    assertTrue(response.startsWith("400 context_length_exceeded input input: has "), response);
    String embedded = TestServer.error(server.post("/v1/embeddings", input));
    assertTrue(embedded.startsWith("400 context_length_exceeded input input: has "), embedded);
    String prompt =
        TestServer.error(server.post("/v1/completions", input.replace("input", "prompt")));
    assertTrue(prompt.startsWith("400 context_length_exceeded prompt prompt: has "), prompt);
  }

  @Test
  void stopStringsAndLimitsEndAnswers() {
    JsonNode stopped = chat(",'stop':[' solid']").path("choices").path(0);
    assertEquals("Glass is a", stopped.path("message").path("content").stringValue());
    assertEquals("stop", stopped.path("finish_reason").stringValue());
    JsonNode cut = chat(",'max_completion_tokens':2").path("choices").path(0);
    assertEquals("Glass is", cut.path("message").path("content").stringValue());
    assertEquals("length", cut.path("finish_reason").stringValue());
    assertEquals(
        cut.path("message"), chat(",'max_tokens':2").path("choices").path(0).path("message"));
  }

  @Test
  void returnsLogProbabilitiesWithAlternatives() {
    JsonNode logprobs =
        chat(",'logprobs':true,'top_logprobs':2").path("choices").path(0).path("logprobs");
    assertTrue(logprobs.path("refusal").isNull());
    JsonNode tokens = logprobs.path("content");
    assertEquals(5, tokens.size());
    JsonNode last = tokens.path(4);
    assertEquals("…", last.path("token").stringValue());
    assertEquals("[226,128,166]", last.path("bytes").toString());
    assertEquals(0, last.path("logprob").doubleValue(), 1e-6);
    assertEquals(2, last.path("top_logprobs").size());
    assertEquals(last.path("token"), last.path("top_logprobs").path(0).path("token"));
    List<JsonNode> streamed = new ArrayList<>();
    for (String event : events(",'logprobs':true,'top_logprobs':2")) {
      JsonNode content = read(event).path("choices").path(0).path("logprobs").path("content");
      content.forEach(streamed::add);
    }
    List<JsonNode> whole = new ArrayList<>();
    tokens.forEach(whole::add);
    assertEquals(whole, streamed);
  }

  @Test
  void parsesToolCalls() {
    JsonNode choice = chat("," + TOOLS).path("choices").path(0);
    assertEquals("tool_calls", choice.path("finish_reason").stringValue());
    assertEquals("Let me look.", choice.path("message").path("content").stringValue());
    JsonNode call = choice.path("message").path("tool_calls").path(0);
    assertTrue(call.path("id").stringValue().startsWith("call_"));
    assertEquals("function", call.path("type").stringValue());
    assertEquals("get_weather", call.path("function").path("name").stringValue());
    assertEquals("{\"place\":\"Köln\"}", call.path("function").path("arguments").stringValue());
  }

  @Test
  void streamsToolCalls() {
    List<JsonNode> deltas = new ArrayList<>();
    var text = new StringBuilder();
    String finish = "";
    for (String event : events("," + TOOLS)) {
      JsonNode choice = read(event).path("choices").path(0);
      text.append(choice.path("delta").path("content").stringValue(""));
      finish = choice.path("finish_reason").stringValue("");
      choice.path("delta").path("tool_calls").forEach(deltas::add);
    }
    assertEquals("tool_calls", finish);
    assertEquals("Let me look.", text.toString());
    assertTrue(deltas.size() > 2, "the arguments come while they are written");
    assertEquals(0, deltas.get(0).path("index").intValue());
    assertTrue(deltas.get(0).path("id").stringValue().startsWith("call_"));
    assertEquals("get_weather", deltas.get(0).path("function").path("name").stringValue());
    assertEquals("", deltas.get(0).path("function").path("arguments").stringValue());
    var arguments = new StringBuilder();
    for (JsonNode delta : deltas) {
      assertEquals(0, delta.path("index").intValue());
      arguments.append(delta.path("function").path("arguments").stringValue());
    }
    assertEquals("{\"place\":\"Köln\"}", arguments.toString());
  }

  @Test
  void toolChoiceNoneDisablesTools() {
    JsonNode choice = chat("," + TOOLS + ",'tool_choice':'none'").path("choices").path(0);
    assertEquals(TEXT, choice.path("message").path("content").stringValue());
  }

  @Test
  void acceptsCallsAndResults() {
    JsonNode json =
        server.json(
            PATH,
            "{'model':'parrot','messages':[{'role':'developer','content':'Be brief.'},"
                + "{'role':'user','content':[{'type':'text','text':'Wea'},{'type':'text','text':'ther?'}]},"
                + "{'role':'assistant','content':null,'tool_calls':[{'index':0,'id':'c1','type':'function',"
                + "'function':{'name':'get_weather','arguments':'{}'}}]},"
                + "{'role':'tool','tool_call_id':'c1','content':'rain'}]}");
    assertEquals(TEXT, json.path("choices").path(0).path("message").path("content").stringValue());
  }

  /** Clients send defaults, also of other servers' extensions. */
  @Test
  void acceptsDefaultValues() {
    JsonNode json =
        chat(
            ",'user':'u','safety_identifier':'s','metadata':{'a':'b'},'store':false,"
                + "'service_tier':'auto','prompt_cache_key':'k','prompt_cache_retention':'in_memory',"
                + "'verbosity':'medium','modalities':['text'],'audio':null,'tools':[],"
                + "'tool_choice':'auto','parallel_tool_calls':true,'response_format':{'type':'text'},"
                + "'logprobs':false,'top_logprobs':0,'stop':[],'logit_bias':{},'top_k':-1,"
                + "'repetition_penalty':1,'length_penalty':1,'add_generation_prompt':true,"
                + "'continue_final_message':false,'skip_special_tokens':true,"
                + "'spaces_between_special_tokens':true,'include_stop_str_in_output':false,"
                + "'use_beam_search':false,'cache_prompt':true,'chat_template_kwargs':{}");
    assertEquals(TEXT, json.path("choices").path(0).path("message").path("content").stringValue());
  }

  @Test
  void reportsSeedThatReproducesTheAnswer() {
    HttpResponse<String> response = server.post(PATH, "{" + ASK + ",'seed':42,'temperature':0.5}");
    assertEquals(
        "temperature=0.5, top_p=1, top_k=0, min_p=0, seed=42, max_tokens=4096, timeout=600",
        response.headers().firstValue("x-vidrio-parameters").orElse(""));
    assertFalse(response.headers().firstValue("x-request-id").orElse("").isEmpty());
  }

  @Test
  void rejectsModelsWithoutChatTemplate() {
    assertEquals(
        "400 invalid_value model model bard: has no chat template; use /v1/completions",
        TestServer.error(
            server.post(PATH, "{'model':'bard','messages':[{'role':'user','content':'Be'}]}")));
  }
}
