package dev.vidrio.cli.lens.decode.sae;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.io.ApiUrl;
import dev.vidrio.cli.io.CommandException;
import dev.vidrio.lens.decode.sae.explain.ChatModel.Answer;
import dev.vidrio.lens.decode.sae.explain.ChatModel.Choice;
import dev.vidrio.lens.decode.sae.explain.ChatModel.Token;
import dev.vidrio.template.ChatMessage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

class OpenAiChatTest {
  private static final List<ChatMessage> CHAT =
      List.of(ChatMessage.system("Be brief."), ChatMessage.user("Who is there?"));

  private static OpenAiChat chat(String url, @Nullable String model, @Nullable String key) {
    return new OpenAiChat(
        ApiUrl.parse(url), model, key, Duration.ofSeconds(20), Duration.ofMillis(1));
  }

  @Test
  void sendsChatsWithModelAndKey() throws IOException {
    try (ChatServer server = ChatServer.answering(last -> "You asked: " + last);
        OpenAiChat chat = chat(server.url(), null, "secret")) {
      assertEquals("You asked: Who is there?", chat.answer(CHAT));
      JsonNode request = server.requests().getFirst();
      assertEquals("reader", request.get("model").stringValue());
      assertEquals(0, request.get("temperature").intValue());
      assertEquals("system", request.get("messages").get(0).get("role").stringValue());
      assertEquals(List.of("Bearer secret"), server.keys());
    }
  }

  @Test
  void acceptsUrlsWithPath() throws IOException {
    try (ChatServer server = ChatServer.answering(last -> "yes");
        OpenAiChat chat = chat(server.url() + "/v1/", "other", null)) {
      assertEquals("yes", chat.answer(CHAT));
      assertEquals("other", server.requests().getFirst().get("model").stringValue());
      assertEquals(List.of("null"), server.keys());
    }
  }

  @Test
  void repeatsRequestsOfAnOverloadedServer() throws IOException {
    try (ChatServer server =
            new ChatServer(
                (exchange, request, number) -> {
                  if (number == 0) {
                    exchange.getResponseHeaders().set("Retry-After", "0");
                  }
                  if (number < 3) {
                    ChatServer.send(exchange, number == 1 ? 503 : 429, Map.of());
                  } else {
                    ChatServer.message(exchange, "here");
                  }
                });
        OpenAiChat chat = chat(server.url(), "reader", null)) {
      assertEquals("here", chat.answer(CHAT));
      assertEquals(4, server.requests().size());
    }
  }

  @Test
  void readsTokensAndTheirAlternatives() throws IOException {
    Map<String, Object> token =
        Map.of(
            "token",
            "1",
            "top_logprobs",
            List.of(Map.of("token", "1", "logprob", -0.25), Map.of("token", "0", "logprob", -1.5)));
    try (ChatServer server =
            new ChatServer(
                (exchange, request, number) ->
                    ChatServer.send(
                        exchange,
                        200,
                        Map.of(
                            "choices",
                            List.of(
                                Map.of(
                                    "message",
                                    Map.of("content", "[1]"),
                                    "logprobs",
                                    Map.of("content", List.of(token)))))));
        OpenAiChat chat = chat(server.url(), "reader", null)) {
      assertEquals(
          new Answer(
              "[1]",
              List.of(new Token("1", List.of(new Choice("1", -0.25), new Choice("0", -1.5))))),
          chat.answerWithTokens(CHAT));
      assertTrue(server.requests().getFirst().get("logprobs").booleanValue());
      assertEquals(5, server.requests().getFirst().get("top_logprobs").intValue());
    }
  }

  /** Some servers reject requests for log-probabilities, some ignore them. */
  @Test
  void answersWithoutTokensWhereTheServerHasNone() throws IOException {
    try (ChatServer server =
            new ChatServer(
                (exchange, request, number) -> {
                  if (request.has("logprobs")) {
                    ChatServer.send(exchange, 400, Map.of("error", "logprobs is not supported"));
                  } else {
                    ChatServer.message(exchange, "[0]");
                  }
                });
        OpenAiChat chat = chat(server.url(), "reader", null)) {
      assertEquals(new Answer("[0]", List.of()), chat.answerWithTokens(CHAT));
      assertEquals(new Answer("[0]", List.of()), chat.answerWithTokens(CHAT));
      assertEquals(3, server.requests().size());
    }
    try (ChatServer server = ChatServer.answering(last -> "[1]");
        OpenAiChat chat = chat(server.url(), "reader", null)) {
      assertEquals(new Answer("[1]", List.of()), chat.answerWithTokens(CHAT));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "429 | {\"error\":{\"message\":\"too many\"}} | status 429: too many | 4",
        "401 | {\"error\":{\"message\":\"invalid key\"}} | status 401: invalid key | 1",
        "404 | nothing here | status 404 | 1",
        "302 | {} | status 302 | 1",
        "200 | <html> | the response is not JSON | 1",
        "200 | {\"choices\":[]} | the response has no message with content | 1",
      })
  void reportsErrorsOfTheServer(int status, String body, String expected, int requests)
      throws IOException {
    byte[] content = body.getBytes(StandardCharsets.UTF_8);
    try (ChatServer server =
            new ChatServer(
                (exchange, request, number) -> {
                  exchange.sendResponseHeaders(status, content.length);
                  exchange.getResponseBody().write(content);
                });
        OpenAiChat chat = chat(server.url(), "reader", null)) {
      String message = assertThrows(IOException.class, () -> chat.answer(CHAT)).getMessage();
      assertEquals(server.url() + "/v1/chat/completions: " + expected, message);
      assertEquals(requests, server.requests().size());
    }
  }

  @Test
  void missingContentIsAnEmptyAnswer() throws IOException {
    try (ChatServer server =
            new ChatServer(
                (exchange, request, number) -> {
                  byte[] body =
                      "{\"choices\":[{\"message\":{\"content\":null}}]}"
                          .getBytes(StandardCharsets.UTF_8);
                  exchange.sendResponseHeaders(200, body.length);
                  exchange.getResponseBody().write(body);
                });
        OpenAiChat chat = chat(server.url(), "reader", null)) {
      assertEquals("", chat.answer(CHAT));
    }
  }

  @Test
  void reportsMissingServers() throws IOException {
    String url;
    try (ChatServer server = ChatServer.answering(last -> "")) {
      url = server.url();
    }
    String message = assertThrows(CommandException.class, () -> chat(url, null, null)).getMessage();
    assertTrue(message.startsWith(url + "/v1/models: the connection failed: "), message);
  }
}
