package dev.vidrio.quarkus.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.vidrio.engine.EmbeddingEngine;
import dev.vidrio.engine.Engine;
import dev.vidrio.model.Model;
import dev.vidrio.model.chat.Chat;
import dev.vidrio.quarkus.EngineJsonRpc;
import example.AnswerResource;
import io.quarkus.test.QuarkusUnitTest;
import io.quarkus.test.common.http.TestHTTPResource;
import jakarta.enterprise.inject.Instance;
import jakarta.inject.Inject;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Runs the service of docs/examples/quarkus, and uses the other beans in it. */
class ServiceExampleTest {
  private static final String ANSWER = "The capital of Germany is Berlin.";
  private static final String QUESTION = "What+is+the+capital+of+Germany%3F";

  @RegisterExtension
  static final QuarkusUnitTest SERVICE =
      new QuarkusUnitTest()
          .withApplicationRoot(
              archive ->
                  archive
                      .addClasses(AnswerResource.class, TestModel.class)
                      .addAsResource(
                          Path.of("../../../docs/examples/quarkus/src/main/resources")
                              .resolve("application.properties")
                              .toFile(),
                          "application.properties"))
          .overrideRuntimeConfigKey("vidrio.model", TestModel.path())
          .overrideRuntimeConfigKey("vidrio.sequences", "4")
          .overrideRuntimeConfigKey("vidrio.stream-interval", "20ms")
          .overrideRuntimeConfigKey("vidrio.cache-size", "1M")
          .overrideRuntimeConfigKey("quarkus.http.test-port", "0");

  @Inject Model model;
  @Inject Engine engine;
  @Inject EmbeddingEngine embeddings;
  @Inject EmbeddingModel embeddingModel;
  @Inject Chat chat;
  @Inject Instance<Engine> engines;
  @Inject Instance<StreamingChatModel> chats;

  @TestHTTPResource URI service = URI.create("");

  private String get(String path) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(service.resolve(path)).build();
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client.send(request, BodyHandlers.ofString()).body();
    }
  }

  @Test
  void answers() throws Exception {
    assertEquals(ANSWER, get("/answer?question=" + QUESTION));
  }

  @Test
  void streamsAnswers() throws Exception {
    assertEquals(ANSWER, get("/stream?question=" + QUESTION));
  }

  @Test
  void streamsAnswersToTheDevUi() {
    List<String> pieces =
        new EngineJsonRpc(engines, chats)
            .ask("What is the capital of Germany?")
            .collect()
            .asList()
            .await()
            .atMost(Duration.ofMinutes(1));
    assertEquals(ANSWER, String.join("", pieces));
  }

  @Test
  void reportsReadiness() throws Exception {
    String health = get("/q/health/ready");
    assertTrue(health.contains("\"name\": \"vidrio\""), health);
    assertTrue(health.contains("scripted.gguf"), health);
  }

  @Test
  void injectsTheBeansOfOneModel() {
    assertEquals(4, engine.options().sequences());
    assertEquals(20, engine.options().streamInterval().toMillis());
    assertTrue(engine.options().cacheBytes() <= 1 << 20);
    assertEquals(model, engine.model());
    assertEquals(model, embeddings.model());
    assertEquals(ANSWER, chat.send("The capital?").result().text());
    assertEquals(model.architecture().width(), embeddingModel.dimension());
  }
}
