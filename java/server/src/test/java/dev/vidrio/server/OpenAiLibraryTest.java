package dev.vidrio.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.errors.UnauthorizedException;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.models.FunctionDefinition;
import com.openai.models.FunctionParameters;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionFunctionTool;
import com.openai.models.chat.completions.ChatCompletionMessageFunctionToolCall;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.completions.CompletionCreateParams;
import com.openai.models.embeddings.EmbeddingCreateParams;
import com.openai.models.responses.ResponseCreateParams;
import com.openai.models.responses.ResponseStreamEvent;
import dev.vidrio.server.testserver.TestServer;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** OpenAI's Java library as a client. */
class OpenAiLibraryTest {
  private static final String TEXT = String.join("", TestServer.ANSWER);

  @RegisterExtension
  static final TestServer server =
      TestServer.forAll(options -> options.withApiKeys(List.of("secret")));

  private static OpenAIClient client;

  @BeforeAll
  static void start() {
    client = client("secret");
  }

  @AfterAll
  static void stop() {
    client.close();
  }

  private static OpenAIClient client(String key) {
    return OpenAIOkHttpClient.builder()
        .baseUrl(server.server().uri() + "/v1")
        .apiKey(key)
        .maxRetries(0)
        .build();
  }

  private static ChatCompletionCreateParams.Builder chat() {
    return ChatCompletionCreateParams.builder().model("parrot").addUserMessage("What is glass?");
  }

  private static ChatCompletionFunctionTool weather() {
    return ChatCompletionFunctionTool.builder()
        .function(
            FunctionDefinition.builder()
                .name("get_weather")
                .description("The weather at a place.")
                .parameters(
                    FunctionParameters.builder()
                        .putAdditionalProperty("type", JsonValue.from("object"))
                        .putAdditionalProperty(
                            "properties", JsonValue.from(Map.of("place", Map.of("type", "string"))))
                        .build())
                .build())
        .build();
  }

  @Test
  void chats() {
    ChatCompletion answer =
        client.chat().completions().create(chat().n(2).logprobs(true).topLogprobs(2).build());
    assertEquals(2, answer.choices().size());
    assertEquals(TEXT, answer.choices().get(1).message().content().orElseThrow());
    assertEquals(ChatCompletion.Choice.FinishReason.STOP, answer.choices().get(0).finishReason());
    assertEquals(10, answer.usage().orElseThrow().completionTokens());
    var tokens = answer.choices().get(0).logprobs().orElseThrow().content().orElseThrow();
    assertEquals(5, tokens.size());
    assertEquals(2, tokens.get(0).topLogprobs().size());
  }

  @Test
  void streams() {
    var accumulator = ChatCompletionAccumulator.create();
    try (StreamResponse<ChatCompletionChunk> chunks =
        client
            .chat()
            .completions()
            .createStreaming(
                chat()
                    .streamOptions(ChatCompletionStreamOptions.builder().includeUsage(true).build())
                    .build())) {
      chunks.stream().forEach(accumulator::accumulate);
    }
    ChatCompletion answer = accumulator.chatCompletion();
    assertEquals(TEXT, answer.choices().get(0).message().content().orElseThrow());
    assertEquals(5, answer.usage().orElseThrow().completionTokens());
  }

  @Test
  void callsToolsAndSendsResults() {
    ChatCompletionCreateParams.Builder params = chat().addTool(weather());
    var message = client.chat().completions().create(params.build()).choices().get(0).message();
    ChatCompletionMessageFunctionToolCall call =
        message.toolCalls().orElseThrow().get(0).asFunction();
    assertEquals("get_weather", call.function().name());
    assertEquals("{\"place\":\"Köln\"}", call.function().arguments());
    var accumulator = ChatCompletionAccumulator.create();
    try (StreamResponse<ChatCompletionChunk> chunks =
        client.chat().completions().createStreaming(params.build())) {
      chunks.stream().forEach(accumulator::accumulate);
    }
    var streamed = accumulator.chatCompletion().choices().get(0).message();
    assertEquals(
        call.function().arguments(),
        streamed.toolCalls().orElseThrow().get(0).asFunction().function().arguments());
    ChatCompletion answer =
        client
            .chat()
            .completions()
            .create(chat().addMessage(message).addUserMessage("Thanks.").build());
    assertEquals(TEXT, answer.choices().get(0).message().content().orElseThrow());
  }

  @Test
  void completesAndEmbeds() {
    var params =
        CompletionCreateParams.builder().model("bard").prompt("To be").maxTokens(6).logprobs(1);
    var choice = client.completions().create(params.build()).choices().get(0);
    assertEquals(6, choice.logprobs().orElseThrow().tokens().orElseThrow().size());
    var embedding =
        client
            .embeddings()
            .create(EmbeddingCreateParams.builder().model("bard").input("Romeo").build())
            .data()
            .get(0)
            .embedding();
    double length = embedding.stream().mapToDouble(x -> (double) x * x).sum();
    assertEquals(1, length, 1e-4);
  }

  @Test
  void responds() {
    ResponseCreateParams params =
        ResponseCreateParams.builder().model("parrot").input("What is glass?").build();
    var answer = client.responses().create(params);
    assertEquals(TEXT, answer.output().get(0).asMessage().content().get(0).asOutputText().text());
    var text = new StringBuilder();
    try (StreamResponse<ResponseStreamEvent> events = client.responses().createStreaming(params)) {
      events.stream()
          .flatMap(event -> event.outputTextDelta().stream())
          .forEach(delta -> text.append(delta.delta()));
    }
    assertEquals(TEXT, text.toString());
  }

  @Test
  void mapsErrorsToItsExceptions() {
    var wrong =
        assertThrows(
            BadRequestException.class,
            () -> client.chat().completions().create(chat().temperature(3).build()));
    assertEquals("temperature", wrong.param().orElseThrow());
    assertThrows(
        NotFoundException.class,
        () -> client.chat().completions().create(chat().model("x").build()));
    OpenAIClient stranger = client("wrong");
    assertThrows(UnauthorizedException.class, () -> stranger.models().list());
    stranger.close();
    assertTrue(client.models().list().data().stream().anyMatch(model -> model.id().equals("bard")));
  }
}
