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
import tools.jackson.databind.JsonNode;

/** Answers with markers of several tokens: assignment of tokens to parts, and cut parts. */
class AnswerPartsTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String RESPONSES = "/v1/responses";

  private static final List<String> REASONING =
      List.of("<thi", "nk>", "\nSand", " melts.", "\n</", "think>");
  private static final List<String> TEXT = List.of("Glass", " < sand", " > air.");

  private static final List<String> BEFORE = List.of("Let", " me", " look.");

  /** Two calls. */
  private static final List<String> CALLS =
      List.of(
          "\n",
          "<to",
          "ol_call>",
          "{\"name\": \"weather\", ",
          "\"arguments\": {\"place\": \"Rome\"}}",
          "</tool_call>",
          "<tool_call>{\"name\": \"weather\", \"arguments\":",
          " {\"place\": \"Oslo\"}}",
          "\n</tool_call>");

  private static final int FIRST_CALL = 5;

  private static final String TOOLS = "{'name':'weather','parameters':{'type':'object'}}";

  @TempDir private static Path directory;
  private static TestServer server;

  @BeforeAll
  static void start() throws IOException {
    Path file =
        ParrotModel.writeThinker(
            directory.resolve("parts.gguf"),
            Map.of(
                ':',
                concat(concat(REASONING, List.of("\n\n")), TEXT),
                '=',
                concat(concat(List.of("<think>", "</think>"), BEFORE), CALLS)));
    server = TestServer.start(options -> options, new ModelSource("m", () -> Model.open(file)));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static List<String> concat(List<String> first, List<String> second) {
    List<String> both = new ArrayList<>(first);
    both.addAll(second);
    return both;
  }

  private static String chat(boolean tools, String more) {
    return "{'model':'m','messages':[{'role':'user','content':'What is it?'}]"
        + (tools ? ",'tools':[{'type':'function','function':" + TOOLS + "}]" : "")
        + more
        + "}";
  }

  private static String response(boolean tools, String more) {
    String flat = TOOLS.replace("{'name'", "{'type':'function','name'");
    return "{'model':'m','input':'What is it?'"
        + (tools ? ",'tools':[" + flat + "]" : "")
        + more
        + "}";
  }

  private static String tokens(JsonNode logprobs) {
    var text = new StringBuilder();
    logprobs.forEach(token -> text.append(token.path("token").stringValue()));
    return text.toString();
  }

  /** Returns items without their random ids. */
  private static List<String> shown(JsonNode response) {
    List<String> items = new ArrayList<>();
    for (JsonNode item : response.path("output")) {
      items.add(
          item.path("type").stringValue()
              + " "
              + item.path("status").stringValue()
              + " "
              + item.path("content")
              + item.path("arguments"));
    }
    return items;
  }

  @Test
  void countsAllTokensOfMarkersAsReasoning() {
    JsonNode json = server.json(CHAT, chat(false, ""));
    assertEquals("Sand melts.", json.at("/choices/0/message/reasoning_content").stringValue());
    assertEquals(String.join("", TEXT), json.at("/choices/0/message/content").stringValue());
    assertEquals(
        REASONING.size(), json.at("/usage/completion_tokens_details/reasoning_tokens").intValue());
  }

  @Test
  void responseHasLogProbabilitiesOfItsText() {
    for (boolean tools : new boolean[] {false, true}) {
      String more = ",'top_logprobs':1,'temperature':0";
      JsonNode whole = server.json(RESPONSES, response(tools, more));
      JsonNode part = whole.at(tools ? "/output/0/content/0" : "/output/1/content/0");
      assertEquals(String.join("", tools ? BEFORE : TEXT), part.path("text").stringValue());
      assertEquals(part.path("text").stringValue(), tokens(part.path("logprobs")));
      List<JsonNode> events = server.events(RESPONSES, response(tools, more + ",'stream':true"));
      assertEquals(shown(whole), shown(events.getLast().path("response")));
      var pieces = new StringBuilder();
      for (JsonNode event : events) {
        if (event.path("type").stringValue().equals("response.output_text.delta")) {
          assertFalse(event.path("delta").stringValue().isEmpty());
          pieces.append(tokens(event.path("logprobs")));
        } else if (event.path("type").stringValue().equals("response.output_text.done")) {
          assertEquals(part.path("logprobs"), event.path("logprobs"));
        }
      }
      assertEquals(part.path("text").stringValue(), pieces.toString());
    }
  }

  /** A cut answer has its complete parts and no markers, wherever it is cut. */
  @Test
  void cutChatHasNoMarkers() {
    for (boolean tools : new boolean[] {false, true}) {
      String all = String.join("", tools ? BEFORE : TEXT);
      int length = tools ? 2 + BEFORE.size() + CALLS.size() : REASONING.size() + 1 + TEXT.size();
      for (int n = 1; n <= length; n++) {
        JsonNode choice = server.json(CHAT, chat(tools, ",'max_tokens':" + n)).at("/choices/0");
        String content = choice.at("/message/content").stringValue("");
        // White space before a call is text if the answer is cut before the marker.
        assertTrue(all.startsWith(content.stripTrailing()), content);
        assertEquals("length", choice.path("finish_reason").stringValue());
        int calls = n < 2 + BEFORE.size() + FIRST_CALL ? 0 : n < length - 1 ? 1 : 2;
        assertEquals(tools ? calls : 0, choice.at("/message/tool_calls").size(), n + " " + choice);
        var streamed = new StringBuilder();
        String finish = "";
        for (JsonNode event :
            server.events(CHAT, chat(tools, ",'max_tokens':" + n + ",'stream':true"))) {
          streamed.append(event.at("/choices/0/delta/content").stringValue(""));
          finish = event.at("/choices/0/finish_reason").stringValue(finish);
        }
        assertEquals(content, streamed.toString());
        assertEquals("length", finish);
      }
    }
  }

  @Test
  void cutResponseHasItsBegunItems() {
    for (int n = 1; n < REASONING.size() + 1 + TEXT.size(); n++) {
      JsonNode whole = server.json(RESPONSES, response(false, ",'max_output_tokens':" + n));
      assertEquals("incomplete", whole.path("status").stringValue());
      assertEquals("max_output_tokens", whole.at("/incomplete_details/reason").stringValue());
      boolean isReasoning = n < REASONING.size();
      boolean silent = n <= REASONING.size() + 1;
      assertEquals(silent ? 1 : 2, whole.path("output").size(), n + " " + whole);
      assertEquals("reasoning", whole.at("/output/0/type").stringValue());
      if (isReasoning || !silent) {
        assertEquals(
            "incomplete",
            whole.path("output").path(isReasoning ? 0 : 1).path("status").stringValue());
      }
      assertEquals(n <= 2 ? 0 : 1, whole.at("/output/0/content").size());
      assertEquals(
          Math.min(n, REASONING.size()),
          whole.at("/usage/output_tokens_details/reasoning_tokens").intValue());
      List<JsonNode> events =
          server.events(RESPONSES, response(false, ",'stream':true,'max_output_tokens':" + n));
      JsonNode last = events.getLast().path("response");
      assertEquals(shown(whole), shown(last), "at " + n);
      assertEquals(whole.path("usage"), last.path("usage"));
    }
  }

  @Test
  void cutCallIsNotAnItem() {
    int before = 2 + BEFORE.size();
    for (int n = before + 2; n < before + FIRST_CALL; n++) {
      String more = ",'max_output_tokens':" + n;
      JsonNode whole = server.json(RESPONSES, response(true, more));
      assertEquals(1, whole.path("output").size(), whole.toString());
      assertEquals("incomplete", whole.at("/output/0/status").stringValue());
      assertEquals(String.join("", BEFORE), whole.at("/output/0/content/0/text").stringValue());
      List<JsonNode> events = server.events(RESPONSES, response(true, more + ",'stream':true"));
      assertEquals(shown(whole), shown(events.getLast().path("response")));
    }
    JsonNode second =
        server.json(RESPONSES, response(true, ",'max_output_tokens':" + (before + FIRST_CALL + 1)));
    assertEquals("incomplete", second.path("status").stringValue());
    assertEquals("completed", second.at("/output/0/status").stringValue());
    assertEquals("{\"place\":\"Rome\"}", second.at("/output/1/arguments").stringValue());
    assertEquals(2, second.path("output").size());
  }
}
