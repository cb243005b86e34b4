package dev.vidrio.server.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.server.testserver.TestServer;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** {@code answer} of a chat: the tokens with which the answer begins. */
class GivenAnswerTest {
  private static final String CHAT = "/v1/chat/completions";

  @RegisterExtension static final TestServer server = TestServer.forAllWithThinker();

  private static String chat(String model, String more) {
    return "{'model':'"
        + model
        + "','messages':[{'role':'user','content':'What is glass?'}],'temperature':0"
        + more
        + "}";
  }

  private static String text(List<JsonNode> events, String field) {
    StringBuilder text = new StringBuilder();
    events.forEach(event -> text.append(event.at("/choices/0/delta").path(field).stringValue("")));
    return text.toString();
  }

  @ParameterizedTest
  @ValueSource(strings = {"parrot", "thinker"})
  void answerAfterItsFirstTokens_equalsWholeAnswer(String model) {
    JsonNode whole = server.json(CHAT, chat(model, ",'logprobs':true"));
    JsonNode message = whole.at("/choices/0/message");
    int reasoned = whole.at("/usage/completion_tokens_details/reasoning_tokens").intValue();
    List<Integer> ids =
        StreamSupport.stream(whole.at("/choices/0/logprobs/content").spliterator(), false)
            .map(token -> token.path("id").intValue())
            .toList();
    for (int given = 0; given < ids.size(); given++) {
      String answer = ",'answer':" + ids.subList(0, given);
      JsonNode json = server.json(CHAT, chat(model, answer));
      assertEquals(message, json.at("/choices/0/message"));
      assertEquals(
          whole.at("/usage/total_tokens"), json.at("/usage/total_tokens"), "tokens of the prompt");
      assertEquals(
          Math.max(0, reasoned - given),
          json.at("/usage/completion_tokens_details/reasoning_tokens").intValue());
      List<JsonNode> rest = server.events(CHAT, chat(model, answer + ",'stream':true"));
      for (String field : List.of("content", "reasoning_content")) {
        String all = message.path(field).stringValue("");
        String end = text(rest, field);
        assertEquals(all.substring(all.length() - end.length()), end);
      }
      assertEquals(
          IntStream.range(given, ids.size()).mapToObj(ids::get).toList(),
          StreamSupport.stream(
                  server
                      .json(CHAT, chat(model, answer + ",'logprobs':true"))
                      .at("/choices/0/logprobs/content")
                      .spliterator(),
                  false)
              .map(token -> token.path("id").intValue())
              .toList());
    }
  }

  @Test
  void streamAfterFirstTokens_hasOnlyTheRest() {
    int[] ids = TestServer.parrotIds("Glass is");
    List<JsonNode> events =
        server.events(
            CHAT, chat("parrot", ",'stream':true,'answer':[" + ids[0] + "," + ids[1] + "]"));
    assertEquals(" a solid…", text(events, "content"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'answer':[1000000] | answer[0] 1000000: must be below",
        "'answer':'Glass' | answer",
        "'answer':[1],'response_format':{'type':'json_object'} | answer: not supported with a"
            + " format of the answer",
        "'answer':[1],'regex':'a' | answer: not supported with a format of" + " the answer",
      })
  void rejectsWhatCannotBegin(String more, String expected) {
    String error = TestServer.error(server.post(CHAT, chat("parrot", "," + more)));
    assertTrue(error.startsWith("400 ") && error.contains(expected), error);
  }
}
