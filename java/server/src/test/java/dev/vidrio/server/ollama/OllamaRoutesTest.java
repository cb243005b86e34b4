package dev.vidrio.server.ollama;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.model.testfiles.HeldExecutor;
import dev.vidrio.server.ModelSource;
import dev.vidrio.server.ServerLimits;
import dev.vidrio.server.testserver.RawClient;
import dev.vidrio.server.testserver.TestServer;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Ollama's API, whole and streamed. */
class OllamaRoutesTest {
  private static final String CHAT = "/api/chat";
  private static final String GENERATE = "/api/generate";
  private static final String ASK = ",'messages':[{'role':'user','content':'What is glass?'}]";
  private static final String TEXT = String.join("", TestServer.ANSWER);
  private static final String TOOLS =
      ",'tools':[{'type':'function','function':{'name':'get_weather','description':'x',"
          + "'parameters':{'type':'object','properties':{'place':{'type':'string'}}}}}]";

  @RegisterExtension static final TestServer server = TestServer.forAllWithThinker();

  private static String body(String model, String more) {
    return "{'model':'" + model + "'" + more + "}";
  }

  private static JsonNode whole(String path, String model, String more) {
    return server.json(path, body(model, ",'stream':false" + more));
  }

  private static List<JsonNode> lines(String path, String model, String more) {
    HttpResponse<String> response = server.post(path, body(model, more));
    assertEquals("application/x-ndjson", response.headers().firstValue("content-type").orElse(""));
    return response.body().lines().map(line -> JsonMapper.shared().readTree(line)).toList();
  }

  /** Returns the tokens that the prompt of a chat in OpenAI's API has. */
  private static int promptTokens(String chat) {
    return server.json("/v1/chat/completions", chat).at("/usage/prompt_tokens").intValue();
  }

  private static String joined(List<JsonNode> lines, String field) {
    return lines.stream().map(line -> line.at(field).stringValue("")).collect(Collectors.joining());
  }

  private static JsonNode read(String json) {
    return JsonMapper.shared().readTree(json.replace('\'', '"'));
  }

  @Test
  void returnsMessageWithCountsAndDurations() {
    JsonNode json = whole(CHAT, "parrot:latest", ASK);
    assertEquals("parrot:latest", json.path("model").stringValue());
    assertEquals(read("{'role':'assistant','content':'" + TEXT + "'}"), json.path("message"));
    assertTrue(json.path("done").booleanValue());
    assertEquals("stop", json.path("done_reason").stringValue());
    assertEquals(
        promptTokens("{'model':'parrot'" + ASK + "}"), json.path("prompt_eval_count").intValue());
    assertEquals(5, json.path("eval_count").intValue());
    long parts =
        json.path("load_duration").longValue()
            + json.path("prompt_eval_duration").longValue()
            + json.path("eval_duration").longValue();
    assertTrue(parts > 0 && parts <= json.path("total_duration").longValue(), json.toString());
  }

  @Test
  void streamsLinesByDefault() {
    List<JsonNode> lines = lines(CHAT, "parrot", ASK);
    assertEquals(TestServer.ANSWER.size() + 1, lines.size());
    assertEquals(TEXT, joined(lines, "/message/content"));
    for (JsonNode line : lines.subList(0, lines.size() - 1)) {
      assertFalse(line.path("done").booleanValue());
      assertFalse(line.has("done_reason"));
    }
    assertEquals("stop", lines.getLast().path("done_reason").stringValue());
    assertEquals(5, lines.getLast().path("eval_count").intValue());
  }

  @Test
  void generatesWithChatTemplate() {
    String ask = ",'prompt':'What is glass?','system':'Brief.'";
    JsonNode json = whole(GENERATE, "parrot", ask);
    assertEquals(TEXT, json.path("response").stringValue());
    assertEquals(
        promptTokens(
            "{'model':'parrot','messages':[{'role':'system','content':'Brief.'},"
                + ASK.substring(ASK.indexOf('{'))
                + "}"),
        json.path("prompt_eval_count").intValue());
    assertEquals(TEXT, joined(lines(GENERATE, "parrot", ask), "/response"));
  }

  @Test
  void continuesRawPrompts() {
    String ask = ",'raw':true,'prompt':'To be','options':{'temperature':0,'num_predict':6";
    String expected =
        server
            .json(
                "/v1/completions",
                "{'model':'bard','prompt':'To be','temperature':0,'max_tokens':6,"
                    + "'repeat_penalty':1.1}")
            .at("/choices/0/text")
            .stringValue();
    JsonNode json = whole(GENERATE, "bard", ask + "}");
    assertEquals(expected, json.path("response").stringValue());
    assertEquals("length", json.path("done_reason").stringValue());
    assertEquals(expected, joined(lines(GENERATE, "bard", ask + "}"), "/response"));
    // A model without a chat template continues every prompt.
    String template = ask.replace("'raw':true,", "");
    assertEquals(expected, whole(GENERATE, "bard", template + "}").path("response").stringValue());
    assertEquals(
        "Glass",
        whole(GENERATE, "parrot", ",'raw':true,'prompt':':','options':{'num_predict':1}")
            .path("response")
            .stringValue());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'num_predict':2 | Glass is | length",
        "'num_predict':-1 | Glass is a solid… | stop",
        "'stop':[' solid'] | Glass is a | stop",
        "'stop':' a' | Glass is | stop",
        "'seed':-1,'top_k':5,'top_p':0.5,'min_p':0.1,'repeat_last_n':-1 | Glass is a solid… | stop",
        "'num_ctx':1024,'num_thread':1,'num_gpu':0,'use_mmap':true | Glass is a solid… | stop",
        "'mirostat':0,'typical_p':1.0,'tfs_z':1,'penalize_newline':true | Glass is a solid… | stop",
      })
  void followsOptions(String options, String text, String reason) {
    JsonNode json = whole(CHAT, "parrot", ASK + ",'options':{" + options + "}");
    assertEquals(text, json.at("/message/content").stringValue());
    assertEquals(reason, json.path("done_reason").stringValue());
  }

  @Test
  void samplesWithDefaultsOfOllama() {
    HttpResponse<String> response = server.post(CHAT, body("parrot", ASK));
    String parameters = response.headers().firstValue("x-vidrio-parameters").orElse("");
    assertTrue(
        parameters.startsWith("temperature=0.8, top_p=0.9, top_k=40, min_p=0, seed="), parameters);
    assertTrue(parameters.contains("max_tokens=4096"), parameters);
  }

  @Test
  void answersInFormat() {
    String schema =
        ",'format':{'type':'object','properties':{'color':{'enum':['red']}},"
            + "'required':['color'],'additionalProperties':false}";
    String text = whole(CHAT, "parrot", ASK + schema).at("/message/content").stringValue();
    assertEquals(read("{'color':'red'}"), read(text));
    String raw = ",'raw':true,'prompt':'x','options':{'num_predict':50}" + schema;
    assertEquals(
        read("{'color':'red'}"), read(whole(GENERATE, "bard", raw).at("/response").stringValue()));
    JsonNode json = whole(CHAT, "parrot", ASK + ",'format':'json','options':{'num_predict':20}");
    assertTrue(json.at("/message/content").stringValue().stripLeading().startsWith("{"));
    assertEquals(
        TEXT, whole(CHAT, "parrot", ASK + ",'format':''").at("/message/content").stringValue());
  }

  @Test
  void returnsCalls() {
    JsonNode message = whole(CHAT, "parrot", ASK + TOOLS).path("message");
    assertEquals("Let me look.", message.path("content").stringValue());
    JsonNode expected =
        read("[{'function':{'index':0,'name':'get_weather','arguments':{'place':'Köln'}}}]");
    assertEquals(expected, message.path("tool_calls"));
    List<JsonNode> lines = lines(CHAT, "parrot", ASK + TOOLS);
    assertEquals("Let me look.", joined(lines, "/message/content"));
    assertEquals(expected, lines.get(lines.size() - 2).at("/message/tool_calls"));
  }

  /** Results have the id of their call, the name of its function, or neither. */
  @ParameterizedTest
  @ValueSource(strings = {",'tool_call_id':'c1'", ",'tool_name':'get_weather'", ""})
  void continuesAfterResults(String reference) {
    String id = reference.contains("c1") ? "'id':'c1'," : "";
    String messages =
        ",'messages':[{'role':'user','content':'Weather?'},{'role':'assistant','content':'',"
            + "'tool_calls':[{"
            + id
            + "'function':{'name':'get_weather','arguments':{'place':'Köln'}}}]},"
            + "{'role':'tool','content':'rain'"
            + reference
            + "}]";
    JsonNode json = whole(CHAT, "parrot", messages);
    assertEquals(TEXT, json.at("/message/content").stringValue());
    String chat =
        "{'model':'parrot','messages':[{'role':'user','content':'Weather?'},{'role':'assistant',"
            + "'tool_calls':[{'id':'x','type':'function','function':{'name':'get_weather',"
            + "'arguments':'{\\\"place\\\":\\\"Köln\\\"}'}}]},"
            + "{'role':'tool','tool_call_id':'x','content':'rain'}]}";
    assertEquals(promptTokens(chat), json.path("prompt_eval_count").intValue());
  }

  @Test
  void separatesThinking() {
    JsonNode message = whole(CHAT, "thinker", ASK).path("message");
    assertEquals("Sand melts.", message.path("thinking").stringValue());
    assertEquals("Glass is sand.", message.path("content").stringValue());
    List<JsonNode> lines = lines(CHAT, "thinker", ASK + ",'think':true");
    assertEquals("Sand melts.", joined(lines, "/message/thinking"));
    assertEquals("Glass is sand.", joined(lines, "/message/content"));
    String off = ",'think':false";
    assertEquals(
        "Just glass.", whole(CHAT, "thinker", ASK + off).at("/message/content").stringValue());
    assertEquals(
        "Sand melts.",
        whole(GENERATE, "thinker", ",'prompt':'a','think':'high'").path("thinking").stringValue());
    assertEquals(TEXT, whole(CHAT, "parrot", ASK + off).at("/message/content").stringValue());
  }

  @Test
  void returnsLogProbabilities() {
    JsonNode tokens =
        whole(CHAT, "parrot", ASK + ",'logprobs':true,'top_logprobs':2").path("logprobs");
    assertEquals(5, tokens.size());
    assertEquals(2, tokens.at("/0/top_logprobs").size());
    List<JsonNode> lines =
        lines(
            GENERATE,
            "bard",
            ",'raw':true,'prompt':'To be','logprobs':true,'options':{'num_predict':3}");
    assertEquals(3, lines.stream().mapToInt(line -> line.path("logprobs").size()).sum());
  }

  @Test
  void embedsTexts() {
    String input = ",'input':['Romeo','Juliet']";
    JsonNode vectors = server.json("/api/embed", body("bard", input));
    JsonNode expected = server.json("/v1/embeddings", body("bard", input));
    assertEquals(expected.at("/data/1/embedding"), vectors.at("/embeddings/1"));
    assertEquals(
        expected.at("/usage/prompt_tokens").intValue(),
        vectors.path("prompt_eval_count").intValue());
    JsonNode older = server.json("/api/embeddings", body("bard", ",'prompt':'Juliet'"));
    JsonNode plain =
        server.json("/v1/embeddings", body("bard", ",'input':'Juliet','normalize':false"));
    assertArrayEquals(doubles(plain.at("/data/0/embedding")), doubles(older.path("embedding")));
  }

  private static double[] doubles(JsonNode array) {
    return array.valueStream().mapToDouble(JsonNode::doubleValue).toArray();
  }

  @Test
  void truncatesLongTextsToEmbed() {
    String input = ",'input':'" + "a".repeat(2000) + "'";
    JsonNode cut = server.json("/api/embed", body("parrot", input));
    assertEquals(1024, cut.path("prompt_eval_count").intValue());
    assertError(
        400,
        "input: has 2001 tokens; this model's maximum context length is 1024",
        server.post("/api/embed", body("parrot", input + ",'truncate':false")));
  }

  @Test
  void describesModels() {
    JsonNode tags = JsonMapper.shared().readTree(server.get("/api/tags").body()).path("models");
    assertEquals(
        List.of("parrot", "bard", "thinker"),
        tags.valueStream().map(model -> model.path("name").stringValue()).toList());
    JsonNode parrot = tags.path(0);
    assertEquals("llama", parrot.at("/details/family").stringValue());
    assertTrue(parrot.path("size").longValue() > 0);
    assertTrue(
        JsonMapper.shared()
            .readTree(server.get("/api/version").body())
            .path("version")
            .stringValue()
            .matches("\\d+\\.\\d+\\.\\d+"));
    JsonNode running = JsonMapper.shared().readTree(server.get("/api/ps").body()).path("models");
    assertEquals("parrot", running.at("/0/model").stringValue());
    assertEquals(1024, running.at("/0/context_length").intValue());
    JsonNode show = server.json("/api/show", "{'model':'parrot:latest'}");
    assertEquals(read("['completion','tools']"), show.path("capabilities"));
    assertEquals(1024, show.at("/model_info/llama.context_length").intValue());
    assertTrue(show.at("/model_info/tokenizer.ggml.tokens").isNull());
    assertTrue(show.path("template").stringValue().contains("m.role"));
    assertEquals(
        read("['completion','tools','thinking']"),
        server.json("/api/show", "{'name':'thinker'}").path("capabilities"));
  }

  @Test
  void reportsWhenModelsExpire() {
    try (TestServer expiring =
        TestServer.start(
            options -> options.withKeepAlive(Duration.ofHours(1)),
            new ModelSource(TestServer.PARROT, TestServer::parrot))) {
      JsonNode running = JsonMapper.shared().readTree(expiring.get("/api/ps").body());
      assertTrue(running.at("/models/0/expires_at").stringValue().endsWith("Z"));
    }
  }

  @Test
  void loadsModelsWithoutPrompt() {
    JsonNode generated = server.json(GENERATE, "{'model':'parrot','keep_alive':-1}");
    assertEquals("load", generated.path("done_reason").stringValue());
    assertEquals("", generated.path("response").stringValue());
    JsonNode chat = server.json(CHAT, "{'model':'parrot','messages':[],'tools':[]}");
    assertEquals("load", chat.path("done_reason").stringValue());
    assertError(
        400,
        "keep_alive 0: not supported; models are unloaded after the server's --keep-alive",
        server.post(GENERATE, "{'model':'parrot','keep_alive':0}"));
    assertError(
        400,
        "keep_alive: must be a string",
        server.post(GENERATE, "{'model':'parrot','keep_alive':{}}"));
  }

  @Test
  void rejectsLongDurationsInLinearTime() {
    String digits = "1".repeat(100);
    assertError(
        400,
        "keep_alive \""
            + digits.substring(1)
            + "…: must be a number of seconds or a duration such as 5m",
        server.post(GENERATE, "{'model':'parrot','keep_alive':'" + digits + "x'}"));
  }

  @ParameterizedTest
  @CsvSource({"pull,POST", "push,POST", "create,POST", "copy,POST", "delete,DELETE"})
  void rejectsRoutesOfRegistry(String name, String method) {
    HttpResponse<String> response =
        server.send(
            server
                .request("/api/" + name)
                .header("Content-Type", "application/json")
                .method(method, BodyPublishers.ofString("{\"model\":\"x\"}"))
                .build());
    assertError(501, "/api/" + name + ": not supported; the served models are set", response);
  }

  private static void assertError(int status, String message, HttpResponse<String> response) {
    JsonNode json = JsonMapper.shared().readTree(response.body());
    assertEquals(status, response.statusCode(), response.body());
    assertEquals(1, json.size());
    String shown = json.path("error").stringValue();
    assertTrue(shown.startsWith(message), shown);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'color':1 | color: not supported",
        "'n':2 | n: not supported",
        "'truncate':true | truncate: not supported; must be false",
        "'keep_alive':'long' | keep_alive \"long\": must be a number of seconds or a duration",
        "'format':'yaml' | format \"yaml\": must be json or a JSON schema",
        "'format':{'type':1} | format: JSON schema '#' keyword 'type': must",
        "'think':true | think: the model's chat template reads no variable for it",
        "'think':1 | think 1: must be true or false",
        "'options':{'color':1} | options.color: not supported",
        "'options':{'temperature':-1} | options.temperature -1: must be a number from 0 to 2",
        "'options':{'stop':[1]} | options.stop[0] 1: must be a string",
        "'options':{'num_predict':5000} | options.num_predict 5000: must be an integer from -2",
        "'options':{'num_predict':0} | options.num_predict 0: must be -1 or an integer from 1",
        "'options':{'num_ctx':4096} | options.num_ctx 4096: must be an integer from 1 to 1024",
        "'options':{'mirostat':1} | options.mirostat 1: not supported; must be 0",
        "'options':{'typical_p':0.5} | options.typical_p 0.5: not supported; must be 1",
        "'options':{'num_gpu':'x'} | options.num_gpu \"x\": must be an integer",
        "'options':{'n':2} | options.n: not supported",
        "'messages':[{'role':'x','content':''}] | messages[0].role \"x\": must be system, user,",
        "'messages':[{'role':'user','content':'x','images':['aa']}] | messages[0].images: not"
            + " supported; only text input is",
        "'messages':[{'role':'tool','content':'x'}] | messages[0].role 'tool': must follow a call",
        "'messages':[{'role':'assistant','tool_calls':[{'function':{'name':'f','arguments':"
            + "'{}'}}]}] | messages[0].tool_calls[0].function.arguments \"{}\": must be an object",
      })
  void rejectsInvalidRequests(String field, String message) {
    ObjectNode request = (ObjectNode) read(body("parrot", ASK));
    ((ObjectNode) read("{" + field + "}"))
        .properties()
        .forEach(entry -> request.set(entry.getKey(), entry.getValue()));
    assertError(400, message, server.post(CHAT, request.toString()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "parrot | 'template':'x' | template: not supported; the chat template is that of the",
        "parrot | 'suffix':'x' | suffix: fill-in-the-middle is not supported",
        "parrot | 'images':['aa'] | images: not supported; only text input is",
        "parrot | 'context':[1] | context: not supported; send the conversation to /api/chat",
        "parrot | 'raw':true,'system':'x' | system: not supported in a prompt without chat",
        "bard | 'think':true | think: not supported; must be false",
      })
  void rejectsFieldsOfGenerate(String model, String field, String message) {
    assertError(400, message, server.post(GENERATE, body(model, ",'prompt':'x'," + field)));
  }

  @Test
  void reportsErrorsInOllamaFormat() {
    assertError(
        404,
        "model 'x' not found; available: parrot, bard, thinker",
        server.post(CHAT, body("x", ASK)));
    assertError(404, "path /api/x not found", server.get("/api/x"));
    assertError(400, "model bard: has no chat template", server.post(CHAT, body("bard", ASK)));
  }

  @Test
  @Timeout(60)
  void reportsAnswersCutByShutdown() throws Exception {
    var steps = new HeldExecutor();
    TestServer held = TestServer.start(steps, options -> options);
    try (RawClient client = new RawClient(held.server().uri())) {
      steps.hold(3);
      client.post(
          GENERATE, "{'model':'bard','raw':true,'prompt':'To be','options':{'num_predict':200}}");
      steps.awaitHeld();
      held.close();
      String answer = client.readAll();
      assertTrue(answer.startsWith("HTTP/1.1 200"), answer);
      assertTrue(answer.contains("{\"error\":\"the server is shutting down\"}\n"), answer);
      assertFalse(answer.contains("done\":true"), answer);
    }
  }

  /** White space before an object is the only thing that readers of lines accept. */
  @Test
  @Timeout(60)
  void sendsHeartbeatsBeforeLines() throws Exception {
    var steps = new HeldExecutor();
    ServerLimits limits = ServerLimits.DEFAULT.withHeartbeat(Duration.ofMillis(5));
    try (TestServer held = TestServer.start(steps, options -> options.withLimits(limits));
        RawClient client = new RawClient(held.server().uri())) {
      steps.hold(0);
      client.post(
          GENERATE, "{'model':'bard','raw':true,'prompt':'To be','options':{'num_predict':2}}");
      String head = client.readUntil("\r\n\r\n");
      assertTrue(head.contains("application/x-ndjson"), head);
      var _ = client.readUntil("1\r\n \r\n");
      steps.release();
      String rest = client.readUntil("\"done\":true");
      assertFalse(rest.contains("\n\n"), rest);
    }
  }

  /** An answer is sent back as it came. */
  @Test
  void acceptsItsOwnMessages() {
    ArrayNode messages = JsonMapper.shared().createArrayNode();
    messages.add(read("{'role':'user','content':'Weather?'}"));
    ObjectNode request = (ObjectNode) read("{'model':'parrot','stream':false" + TOOLS + "}");
    request.set("messages", messages);
    messages.add(server.json(CHAT, request.toString()).path("message"));
    messages.add(read("{'role':'tool','tool_name':'get_weather','content':'rain'}"));
    request.remove("tools");
    assertEquals(TEXT, server.json(CHAT, request.toString()).at("/message/content").stringValue());
  }
}
