package dev.vidrio.langchain4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.langchain4j.agent.tool.Tool;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.memory.chat.MessageWindowChatMemory;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.service.AiServices;
import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineListener;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.testfiles.HeldExecutor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Cases without a test in LangChain4j: ownership of the engine, failures, many callers, services.
 */
@Timeout(60)
class LangChain4jTest {
  private static final Engine ENGINE = Scripted.ENGINE;
  private static final String QUESTION = "What is the capital of Germany?";
  private static final String ANSWER = "The capital of Germany is Berlin.";

  @Test
  void examplesRun() throws Exception {
    assertEquals(ANSWER, LangChain4jExamples.chat(Scripted.FILE));
    assertEquals(ANSWER, LangChain4jExamples.stream(ENGINE).get());
    Model model = ENGINE.model();
    assertEquals(model.architecture().width(), LangChain4jExamples.embed(model).dimension());
  }

  @Test
  void serviceCallsTool() {
    var weather = new Weather();
    Assistant assistant =
        AiServices.builder(Assistant.class)
            .chatModel(VidrioChatModel.builder().engine(ENGINE).build())
            .tools(weather)
            .build();
    assertEquals("It looks sunny in Munich", assistant.ask("What is the weather in Munich?"));
    assertEquals(List.of("Munich"), weather.cities);
  }

  @Test
  void serviceCallsToolInThreeTurns() {
    var weather = new Weather();
    Assistant assistant =
        AiServices.builder(Assistant.class)
            .chatModel(VidrioChatModel.builder().engine(ENGINE).build())
            .chatMemory(MessageWindowChatMemory.withMaxMessages(100))
            .tools(weather)
            .build();
    for (int turn = 0; turn < 3; turn++) {
      assertEquals("It looks sunny in Munich", assistant.ask("What is the weather in Munich?"));
    }
    assertEquals(List.of("Munich", "Munich", "Munich"), weather.cities);
  }

  interface Assistant {
    String ask(String question);
  }

  /** A tool. */
  static final class Weather {
    private final List<String> cities = new ArrayList<>();

    @Tool
    String getWeather(String city) {
      cities.add(city);
      return "sunny";
    }
  }

  @Test
  void serviceReturnsRecord() {
    Geographer geographer =
        AiServices.create(Geographer.class, VidrioChatModel.builder().engine(ENGINE).build());
    assertEquals(new Capital("Berlin"), geographer.capital(QUESTION));
  }

  interface Geographer {
    Capital capital(String question);
  }

  /** An answer with a schema. */
  record Capital(String city) {}

  @Test
  void constrainedModelReturnsRecord() {
    Set<Journey> journeys = new HashSet<>();
    for (long seed = 0; seed < 8; seed++) {
      GenerationOptions random =
          GenerationOptions.DEFAULT
              .withTokens(2000)
              .withSampling(SamplingOptions.builder().temperature(2).seed(seed).build());
      var model = VidrioChatModel.builder().engine(ENGINE).generationOptions(random).build();
      journeys.add(AiServices.create(Agency.class, model).plan("Tell me a story."));
    }
    assertTrue(journeys.size() > 2, journeys.toString());
  }

  interface Agency {
    Journey plan(String question);
  }

  /** An answer with a nested schema. */
  record Journey(long days, List<Stop> stops) {}

  /** A part of a journey. */
  record Stop(Vehicle by, boolean stay) {}

  /** The allowed vehicles. */
  enum Vehicle {
    TRAIN,
    SHIP
  }

  @Test
  void requiredToolChoiceNeedsTools() {
    var model = VidrioChatModel.builder().engine(ENGINE).toolChoice(ToolChoice.REQUIRED).build();
    var e = assertThrows(InvalidRequestException.class, () -> model.chat(QUESTION));
    assertTrue(e.toString().contains("tools: must not be empty"), e.toString());
  }

  @Test
  void rejectsUnsupportedSchemas() {
    JsonSchema schema =
        JsonSchema.builder()
            .name("x")
            .rootElement(JsonRawSchema.from("{\"contains\":{},\"uniqueItems\":true}"))
            .build();
    ResponseFormat format =
        ResponseFormat.builder().type(ResponseFormatType.JSON).jsonSchema(schema).build();
    var builder = VidrioChatModel.builder().engine(ENGINE).responseFormat(format);
    var e = assertThrows(InvalidInputException.class, builder::build);
    assertTrue(e.toString().contains("'uniqueItems'"), e.toString());
    var model = VidrioChatModel.builder().engine(ENGINE).build();
    var request =
        ChatRequest.builder().messages(UserMessage.from(QUESTION)).responseFormat(format).build();
    assertThrows(InvalidRequestException.class, () -> model.chat(request));
  }

  @Test
  void answersConcurrentRequests() throws Exception {
    var model = VidrioChatModel.builder().engine(ENGINE).build();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<String>> answers = new ArrayList<>();
      for (int i = 0; i < 100; i++) {
        answers.add(threads.submit(() -> model.chat(QUESTION)));
      }
      for (Future<String> answer : answers) {
        assertEquals(ANSWER, answer.get());
      }
    }
  }

  @Test
  void doesNotCloseSharedEngine() {
    try (Engine engine = Engine.open(ENGINE.model())) {
      VidrioChatModel.builder().engine(engine).build().close();
      assertEquals(ANSWER, VidrioChatModel.builder().engine(engine).build().chat(QUESTION));
    }
  }

  @Test
  void closesOwnEngine() {
    VidrioChatModel model = VidrioChatModel.builder().modelPath(Scripted.FILE).build();
    model.close();
    assertThrows(NonRetriableException.class, () -> model.chat(QUESTION));
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
      Engine engine = Engine.open(ENGINE.model(), options);
      self.set(engine);
      if (streams) {
        var told = new Collector(Integer.MAX_VALUE);
        VidrioStreamingChatModel.builder().engine(engine).build().chat(QUESTION, told);
        var failure = assertThrows(ExecutionException.class, told.end::get);
        assertTrue(failure.getCause() instanceof NonRetriableException);
      } else {
        var model = VidrioChatModel.builder().engine(engine).build();
        assertThrows(NonRetriableException.class, () -> model.chat(QUESTION));
      }
    }
  }

  @Test
  void requiresOneEngine() {
    var none = VidrioChatModel.builder();
    assertThrows(InvalidInputException.class, none::build);
    var two = VidrioChatModel.builder().engine(ENGINE).modelPath(Scripted.FILE);
    assertThrows(InvalidInputException.class, two::build);
    var noChat = VidrioChatModel.builder().modelPath(BardFiles.q8());
    assertThrows(InvalidInputException.class, noChat::build);
  }

  @Test
  void opensItsModelWithOptions() {
    ModelOptions drafting = ModelOptions.DEFAULT.withDraftBlock(true);
    var noBlock = VidrioChatModel.builder().modelPath(Scripted.FILE).modelOptions(drafting);
    assertThrows(UnsupportedModelException.class, noBlock::build);
  }

  @Test
  void mapsFullQueueToRateLimit() {
    var options = EngineOptions.DEFAULT.withSequences(1).withQueue(0);
    var steps = new HeldExecutor();
    try (Model scripted = steps.open(Scripted.FILE);
        Engine engine = Engine.open(scripted, options)) {
      int[] prompt = scripted.tokenizer().encode("word");
      steps.hold(0);
      try (TokenStream running = engine.submit(GenerationRequest.builder(prompt).build())) {
        var model = VidrioChatModel.builder().engine(engine).build();
        assertThrows(RateLimitException.class, () -> model.chat(QUESTION));
        var streaming = VidrioStreamingChatModel.builder().engine(engine).build();
        var told = new Collector(Integer.MAX_VALUE);
        streaming.chat(QUESTION, told);
        var failure = assertThrows(ExecutionException.class, told.end::get);
        assertTrue(failure.getCause() instanceof RateLimitException);
        assertFalse(running.completion().isDone());
      }
    }
  }

  @Test
  void rejectsInvalidRequests() {
    var model = VidrioChatModel.builder().engine(ENGINE).build();
    String text = "word ".repeat(5000);
    assertThrows(InvalidRequestException.class, () -> model.chat(text));
    var hot = ChatRequest.builder().messages(UserMessage.from(QUESTION)).temperature(-1.0).build();
    assertThrows(InvalidRequestException.class, () -> model.chat(hot));
  }

  @Test
  void builderRejectsInvalidParameters() {
    Map<String, UnaryOperator<VidrioChatModel.Builder>> wrong =
        Map.of(
            "temperature -1:", builder -> builder.temperature(-1.0),
            "top-p 2:", builder -> builder.topP(2.0),
            "number of tokens -1", builder -> builder.maxOutputTokens(-1),
            "stop", builder -> builder.stopSequences(List.of("")),
            "timeout PT0S", builder -> builder.timeout(Duration.ZERO));
    wrong.forEach(
        (message, change) -> {
          var builder = change.apply(VidrioChatModel.builder().engine(ENGINE));
          var e = assertThrows(InvalidInputException.class, builder::build);
          assertTrue(String.valueOf(e.getMessage()).startsWith(message), e.getMessage());
        });
    var streaming = VidrioStreamingChatModel.builder().engine(ENGINE).temperature(-1.0);
    assertThrows(InvalidInputException.class, streaming::build);
  }

  @Test
  void failsAfterTimeout() {
    var model =
        VidrioChatModel.builder()
            .engine(ENGINE)
            .generationOptions(GenerationOptions.DEFAULT.withTokens(4000).withIgnoreEnd(true))
            .timeout(Duration.ofNanos(1))
            .build();
    assertThrows(TimeoutException.class, () -> model.chat(QUESTION));
  }

  @Test
  void cancelingEndsTheRequest() throws Exception {
    var steps = new HeldExecutor();
    try (Model scripted = steps.open(Scripted.FILE);
        Engine engine = Engine.open(scripted)) {
      var model =
          VidrioStreamingChatModel.builder()
              .engine(engine)
              .generationOptions(GenerationOptions.DEFAULT.withTokens(4000).withIgnoreEnd(true))
              .build();
      var told = new Collector(3);
      steps.hold(100);
      model.chat(QUESTION, told);
      assertTrue(engine.drain(Duration.ofSeconds(30)));
      assertEquals(0, engine.status().usedBlocks());
      assertTrue(engine.status().generatedTokens() < 4000);
      assertFalse(told.end.isDone());
    }
  }

  /** Cancels after some pieces. */
  private static final class Collector implements StreamingChatResponseHandler {
    private final CompletableFuture<ChatResponse> end = new CompletableFuture<>();
    private int left;

    Collector(int pieces) {
      this.left = pieces;
    }

    @Override
    public void onPartialResponse(PartialResponse piece, PartialResponseContext context) {
      if (--left == 0) {
        context.streamingHandle().cancel();
      }
    }

    @Override
    public void onCompleteResponse(ChatResponse response) {
      end.complete(response);
    }

    @Override
    public void onError(Throwable error) {
      end.completeExceptionally(error);
    }
  }

  @Test
  void passesUserNameToTemplate() {
    assertEquals(
        "Ada", Messages.toTemplate(UserMessage.from("Ada", QUESTION)).fields().get("name"));
  }
}
