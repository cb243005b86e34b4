package dev.vidrio.quarkus.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.vidrio.engine.EmbeddingEngine;
import dev.vidrio.engine.Engine;
import dev.vidrio.model.Model;
import dev.vidrio.model.chat.Chat;
import dev.vidrio.model.testfiles.ScriptedModel;
import example.AnswerResource;
import io.quarkus.test.QuarkusUnitTest;
import io.quarkus.test.common.http.TestHTTPResource;
import jakarta.inject.Inject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
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
                      .addClass(AnswerResource.class)
                      .addAsResource(
                          Path.of("../../../docs/examples/quarkus/src/main/resources")
                              .resolve("application.properties")
                              .toFile(),
                          "application.properties"))
          .overrideRuntimeConfigKey("vidrio.model", model())
          .overrideRuntimeConfigKey("vidrio.sequences", "4")
          .overrideRuntimeConfigKey("vidrio.stream-interval", "20ms")
          .overrideRuntimeConfigKey("vidrio.cache-size", "1M")
          .overrideRuntimeConfigKey("quarkus.http.test-port", "0");

  @Inject Model model;
  @Inject Engine engine;
  @Inject EmbeddingEngine embeddings;
  @Inject EmbeddingModel embeddingModel;
  @Inject Chat chat;

  @TestHTTPResource URI service = URI.create("");

  private static String model() {
    try {
      Path directory = Files.createDirectories(Path.of("target", "models").toAbsolutePath());
      return ScriptedModel.write(directory.resolve("scripted.gguf")).toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

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
