package dev.vidrio.spring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vidrio.model.testfiles.ScriptedModel;
import example.AnswerService;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplication;
import org.springframework.context.ConfigurableApplicationContext;

/** Runs the service of docs/examples/spring. */
class ServiceExampleTest {
  @TempDir private static Path directory;
  private static ConfigurableApplicationContext service;

  @BeforeAll
  static void start() throws Exception {
    Path model = ScriptedModel.write(directory.resolve("scripted.gguf"));
    service =
        SpringApplication.run(AnswerService.class, "--vidrio.model=" + model, "--server.port=0");
  }

  @AfterAll
  static void stop() {
    service.close();
  }

  private static String get(String path) throws Exception {
    String port = service.getEnvironment().getRequiredProperty("local.server.port");
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://localhost:" + port + path)).build();
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client.send(request, BodyHandlers.ofString()).body();
    }
  }

  @Test
  void streamsAnswers() throws Exception {
    assertThat(get("/answer?question=What+is+the+capital+of+Germany%3F"))
        .isEqualTo("The capital of Germany is Berlin.");
  }

  @Test
  void answersWithJson() throws Exception {
    assertThat(get("/capital?country=Germany")).isEqualTo("{\"city\":\"Berlin\"}");
  }

  @Test
  void reportsHealth() throws Exception {
    assertThat(get("/actuator/health")).contains("\"vidrio\":{\"details\":{", "scripted.gguf");
  }
}
