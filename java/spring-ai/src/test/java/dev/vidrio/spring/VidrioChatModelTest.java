package dev.vidrio.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineException;
import dev.vidrio.engine.EngineListener;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.testfiles.HeldExecutor;
import dev.vidrio.model.testfiles.ScriptedModel;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.ai.chat.client.AdvisorParams;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.messages.Message;
import org.springframework.ai.chat.messages.ToolResponseMessage;
import org.springframework.ai.chat.messages.UserMessage;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.model.Generation;
import org.springframework.ai.chat.observation.ChatModelObservationContext;
import org.springframework.ai.chat.prompt.ChatOptions;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.ai.content.Media;
import org.springframework.ai.model.tool.StructuredOutputChatOptions;
import org.springframework.ai.tool.ToolCallback;
import org.springframework.ai.tool.annotation.Tool;
import org.springframework.ai.tool.definition.ToolDefinition;
import org.springframework.core.io.ByteArrayResource;
import org.springframework.util.MimeTypeUtils;

/** Spring AI's interfaces on a model with known answers. */
@Timeout(60)
class VidrioChatModelTest {
  private static final String QUESTION = "What is the capital of Germany?";
  private static final String ANSWER = "The capital of Germany is Berlin.";

  @TempDir private static Path directory;
  private static Path file;
  private static Model model;
  private static Engine engine;
  private static VidrioChatModel chat;

  @BeforeAll
  static void open() throws IOException {
    file = ScriptedModel.write(directory.resolve("scripted.gguf"));
    model = Model.open(file);
    engine = Engine.open(model);
    chat = new VidrioChatModel(engine, GenerationOptions.DEFAULT);
  }

  @AfterAll
  static void close() {
    engine.close();
    model.close();
  }

  private static String text(@Nullable ChatResponse response) {
    return String.valueOf(generation(response).getOutput().getText());
  }

  private static @Nullable String finish(ChatResponse response) {
    return generation(response).getMetadata().getFinishReason();
  }

  private static Generation generation(@Nullable ChatResponse response) {
    assertNotNull(response);
    return Objects.requireNonNull(response.getResult());
  }

  @Test
  void exampleRuns() {
    assertEquals(ANSWER, SpringExamples.chat(file));
  }

  @Test
  void returnsUsage() {
    ChatResponse response = chat.call(new Prompt(QUESTION));
    assertEquals(ANSWER, text(response));
    assertEquals("STOP", finish(response));
    assertEquals("scripted.gguf", response.getMetadata().getModel());
    assertEquals(6, response.getMetadata().getUsage().getCompletionTokens());
    assertTrue(response.getMetadata().getUsage().getPromptTokens() > 0);
  }

  @Test
  void appliesOptions() {
    ChatOptions options =
        ChatOptions.builder()
            .maxTokens(3)
            .temperature(0.0)
            .stopSequences(List.of("Berlin"))
            .build();
    ChatResponse response = chat.call(new Prompt(QUESTION, options));
    assertEquals("The capital of", text(response));
    assertEquals("LENGTH", finish(response));
  }

  @Test
  void streamsPieces() {
    List<ChatResponse> responses = chat.stream(new Prompt(QUESTION)).collectList().block();
    assertNotNull(responses);
    assertTrue(responses.size() > 3);
    assertEquals(
        ANSWER, responses.stream().map(VidrioChatModelTest::text).collect(Collectors.joining()));
    ChatResponse last = responses.getLast();
    assertEquals("STOP", finish(last));
    assertEquals(6, last.getMetadata().getUsage().getCompletionTokens());
  }

  @Test
  void cancelingStreamEndsTheRequest() throws InterruptedException {
    var steps = new HeldExecutor();
    try (Model held = steps.open(file);
        Engine own = Engine.open(held)) {
      var endless =
          new VidrioChatModel(own, GenerationOptions.DEFAULT.withTokens(4000).withIgnoreEnd(true));
      steps.hold(100);
      assertEquals(2L, endless.stream(new Prompt(QUESTION)).take(2).count().block());
      assertTrue(own.drain(Duration.ofSeconds(30)));
      assertTrue(own.status().generatedTokens() < 4000);
    }
  }

  /** A partial answer must not be mistaken for a complete one. */
  @Test
  void failsIfTheEngineIsClosed() {
    var self = new AtomicReference<@Nullable Engine>();
    var closesItself =
        new EngineListener() {
          @Override
          public void onStep(int tokens, int sequences, Duration time) {
            Objects.requireNonNull(self.get()).close();
          }
        };
    var options = EngineOptions.DEFAULT.withListener(closesItself);
    for (boolean streams : List.of(false, true)) {
      Engine own = Engine.open(model, options);
      self.set(own);
      var cut = new VidrioChatModel(own, GenerationOptions.DEFAULT);
      var prompt = new Prompt(QUESTION);
      assertThrows(
          CancellationException.class,
          () -> {
            var _ = streams ? cut.stream(prompt).blockLast() : cut.call(prompt);
          });
    }
  }

  @Test
  void clientCallsTool() {
    var weather = new Weather();
    ChatClient client = ChatClient.builder(chat).defaultTools(weather).build();
    String question = "What is the weather in Munich?";
    assertEquals("It looks sunny in Munich", client.prompt(question).call().content());
    assertEquals(
        "It looks sunny in Munich",
        client.prompt(question).stream().content().collect(Collectors.joining()).block());
    assertEquals(List.of("Munich", "Munich"), weather.cities);
  }

  @Test
  void callsToolInThreeTurns() {
    var definition =
        ToolDefinition.builder()
            .name("getWeather")
            .description("The weather in a city.")
            .inputSchema("{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}}}")
            .build();
    ChatOptions options =
        VidrioChatOptions.builder().toolCallbacks(new DefinedTool(definition)).build();
    List<Message> messages = new ArrayList<>();
    for (int turn = 0; turn < 3; turn++) {
      messages.add(new UserMessage("What is the weather in Munich?"));
      AssistantMessage call = output(new Prompt(messages, options));
      assertEquals("getWeather", call.getToolCalls().getFirst().name());
      messages.add(call);
      messages.add(
          ToolResponseMessage.builder()
              .responses(
                  List.of(
                      new ToolResponseMessage.ToolResponse(
                          call.getToolCalls().getFirst().id(), "getWeather", "sunny")))
              .build());
      AssistantMessage answer = output(new Prompt(messages, options));
      assertEquals("It looks sunny in Munich", answer.getText());
      messages.add(answer);
    }
  }

  private static AssistantMessage output(Prompt prompt) {
    return generation(chat.call(prompt)).getOutput();
  }

  /** A tool that is not run. */
  private record DefinedTool(ToolDefinition definition) implements ToolCallback {
    @Override
    public ToolDefinition getToolDefinition() {
      return definition;
    }

    @Override
    public String call(String input) {
      throw new UnsupportedOperationException();
    }
  }

  @Test
  void clientReturnsRecord() {
    ChatClient client = ChatClient.create(chat);
    Capital capital =
        client
            .prompt(QUESTION)
            .advisors(AdvisorParams.ENABLE_NATIVE_STRUCTURED_OUTPUT)
            .call()
            .entity(Capital.class);
    assertEquals(new Capital("Berlin"), capital);
  }

  /** An answer with a schema. */
  record Capital(String city) {}

  @Test
  void answerMatchesSchema() {
    String schema = "{\"type\":\"array\",\"items\":{\"enum\":[1,2]},\"minItems\":3,\"maxItems\":3}";
    for (ChatOptions options :
        List.of(
            VidrioChatOptions.builder().outputSchema(schema).build(),
            VidrioChatOptions.builder().outputSchema(schema).build().mutate().topK(5).build(),
            StructuredOutputChatOptions.builder().outputSchema(schema).build())) {
      String text = text(chat.call(new Prompt(QUESTION, options)));
      assertTrue(text.matches("(?s)\\[\\s*[12],\\s*[12],\\s*[12]\\s*]"), text);
    }
    var options = VidrioChatOptions.builder().outputSchema("{\"not\":{}}").build();
    var prompt = new Prompt(QUESTION, options);
    assertThrows(InvalidInputException.class, () -> chat.call(prompt));
  }

  @Test
  void callsToolBeforeAnswerWithSchema() {
    var weather = new Weather();
    Forecast forecast =
        ChatClient.builder(chat)
            .defaultTools(weather)
            .build()
            .prompt("What is the weather in Munich?")
            .advisors(AdvisorParams.ENABLE_NATIVE_STRUCTURED_OUTPUT)
            .call()
            .entity(Forecast.class);
    assertEquals(new Forecast("sunny"), forecast);
    assertEquals(List.of("Munich"), weather.cities);
  }

  /** An answer that needs a tool. */
  record Forecast(String weather) {}

  /** A tool. */
  static final class Weather {
    private final List<String> cities = new ArrayList<>();

    @Tool(description = "The weather in a city.")
    String getWeather(String city) {
      cities.add(city);
      return "sunny";
    }
  }

  @Test
  void observesCalls() throws InterruptedException {
    List<ChatResponse> observed = new CopyOnWriteArrayList<>();
    var stopped = new CountDownLatch(2);
    ObservationRegistry registry = ObservationRegistry.create();
    registry
        .observationConfig()
        .observationHandler(
            new ObservationHandler<ChatModelObservationContext>() {
              @Override
              public void onStop(ChatModelObservationContext context) {
                observed.add(context.getResponse());
                stopped.countDown();
              }

              @Override
              public boolean supportsContext(Observation.Context context) {
                return context instanceof ChatModelObservationContext;
              }
            });
    var model = new VidrioChatModel(engine, GenerationOptions.DEFAULT, registry);
    var _ = model.call(new Prompt(QUESTION));
    var _ = model.stream(new Prompt(QUESTION)).blockLast();
    // The observation of a stream stops after its last element.
    assertTrue(stopped.await(60, TimeUnit.SECONDS));
    assertEquals(2, observed.size());
    for (ChatResponse response : observed) {
      assertEquals(ANSWER, text(response));
    }
  }

  @Test
  void errorsNameTheCause() {
    var image =
        UserMessage.builder()
            .text("What do you see?")
            .media(new Media(MimeTypeUtils.IMAGE_PNG, new ByteArrayResource(new byte[1])))
            .build();
    assertThrows(InvalidInputException.class, () -> chat.call(new Prompt(image)));
    var other = new Prompt(QUESTION, ChatOptions.builder().model("other").build());
    assertThrows(InvalidInputException.class, () -> chat.call(other));
    var tooLong = new Prompt("word ".repeat(5000));
    assertThrows(InvalidInputException.class, () -> chat.call(tooLong));
    assertThrows(InvalidInputException.class, () -> chat.stream(tooLong).blockLast());
    Engine closed = Engine.open(model);
    closed.close();
    var late = new VidrioChatModel(closed, GenerationOptions.DEFAULT);
    assertThrows(EngineException.Closed.class, () -> late.call(QUESTION));
    try (Model bard = Model.open(BardFiles.q8());
        Engine noChat = Engine.open(bard)) {
      assertThrows(
          InvalidInputException.class,
          () -> new VidrioChatModel(noChat, GenerationOptions.DEFAULT));
    }
  }
}
