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
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.service.AiServices;
import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.GenerationRequest;
import dev.vidrio.engine.TokenStream;
import dev.vidrio.model.GenerationOptions;
import dev.vidrio.model.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.BardFiles;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What LangChain4j's own tests leave open: whose the engine is, failures, many callers, services.
 */
@Timeout(60)
class LangChain4jTest {
  private static final String QUESTION = "What is the capital of Germany?";
  private static final String ANSWER = "The capital of Germany is Berlin.";

  @Test
  void examplesRun() throws Exception {
    assertEquals(ANSWER, LangChain4jExamples.chat(Scripted.FILE));
    assertEquals(ANSWER, LangChain4jExamples.stream(Scripted.ENGINE).get());
    Model model = Scripted.ENGINE.model();
    assertEquals(model.architecture().width(), LangChain4jExamples.embed(model).dimension());
  }

  @Test
  void aServiceCallsATool() {
    var weather = new Weather();
    Assistant assistant =
        AiServices.builder(Assistant.class)
            .chatModel(VidrioChatModel.builder().engine(Scripted.ENGINE).build())
            .tools(weather)
            .build();
    assertEquals("It looks sunny in Munich", assistant.ask("What is the weather in Munich?"));
    assertEquals(List.of("Munich"), weather.cities);
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
  void manyChatAtATime() throws Exception {
    var model = VidrioChatModel.builder().engine(Scripted.ENGINE).build();
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
  void theCallersEngineStaysOpen() {
    try (Engine engine = Engine.open(Scripted.ENGINE.model())) {
      VidrioChatModel.builder().engine(engine).build().close();
      assertEquals(ANSWER, VidrioChatModel.builder().engine(engine).build().chat(QUESTION));
    }
  }

  @Test
  void anEngineOfItsOwnIsClosed() {
    VidrioChatModel model = VidrioChatModel.builder().modelPath(Scripted.FILE).build();
    model.close();
    assertThrows(NonRetriableException.class, () -> model.chat(QUESTION));
  }

  @Test
  void oneEngineIsNeeded() {
    var none = VidrioChatModel.builder();
    assertThrows(InvalidInputException.class, none::build);
    var two = VidrioChatModel.builder().engine(Scripted.ENGINE).modelPath(Scripted.FILE);
    assertThrows(InvalidInputException.class, two::build);
    var noChat = VidrioChatModel.builder().modelPath(BardFiles.q8());
    assertThrows(InvalidInputException.class, noChat::build);
  }

  @Test
  void aFullQueueIsARateLimit() {
    var options = EngineOptions.DEFAULT.withSequences(1).withQueue(0);
    try (Engine engine = Engine.open(Scripted.ENGINE.model(), options)) {
      int[] prompt = engine.model().tokenizer().encode("word");
      var request =
          GenerationRequest.builder(prompt)
              .options(GenerationOptions.DEFAULT.withTokens(4000).withIgnoreEnd(true))
              .build();
      try (TokenStream running = engine.submit(request)) {
        assertFalse(running.completion().isDone());
        var model = VidrioChatModel.builder().engine(engine).build();
        assertThrows(RateLimitException.class, () -> model.chat(QUESTION));
        var streaming = VidrioStreamingChatModel.builder().engine(engine).build();
        var told = new Collector(Integer.MAX_VALUE);
        streaming.chat(QUESTION, told);
        var failure = assertThrows(ExecutionException.class, told.end::get);
        assertTrue(failure.getCause() instanceof RateLimitException);
      }
    }
  }

  @Test
  void whatDoesNotFitIsInvalid() {
    var model = VidrioChatModel.builder().engine(Scripted.ENGINE).build();
    String text = "word ".repeat(5000);
    assertThrows(InvalidRequestException.class, () -> model.chat(text));
    var hot = VidrioChatModel.builder().engine(Scripted.ENGINE).temperature(-1.0).build();
    assertThrows(InvalidRequestException.class, () -> hot.chat(QUESTION));
  }

  @Test
  void anAnswerHasItsTime() {
    var model =
        VidrioChatModel.builder()
            .engine(Scripted.ENGINE)
            .generationOptions(GenerationOptions.DEFAULT.withTokens(4000).withIgnoreEnd(true))
            .timeout(Duration.ofNanos(1))
            .build();
    assertThrows(TimeoutException.class, () -> model.chat(QUESTION));
  }

  @Test
  void cancelingFreesThePlace() throws Exception {
    try (Engine engine = Engine.open(Scripted.ENGINE.model())) {
      var model =
          VidrioStreamingChatModel.builder()
              .engine(engine)
              .generationOptions(GenerationOptions.DEFAULT.withTokens(4000).withIgnoreEnd(true))
              .build();
      var told = new Collector(3);
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
  void aUsersNameReachesTheTemplate() {
    assertEquals(
        "Ada", Messages.toTemplate(UserMessage.from("Ada", QUESTION)).fields().get("name"));
  }
}
