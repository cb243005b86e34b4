package dev.vidrio.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.LensOptions;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.server.command.LensCommands;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.testserver.TestServer;
import dev.vidrio.server.window.WindowRoutes;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * Derives the published description of the API from what the routes read of the samples. With
 * {@code -Dvidrio.update=true}, writes it.
 */
class OpenApiTest {
  private static final Path FILE = Path.of("src/main/resources/dev/vidrio/server/openapi.json");
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  /** A command that does nothing. */
  private static final class Echo implements LensCommands {
    @Override
    public List<Map<String, String>> describe() {
      return List.of(Map.of("name", "echo"));
    }

    @Override
    public List<String> sharedFiles() {
      return List.of("shared/a.txt");
    }

    @Override
    public List<Map<String, Object>> dictionaries() {
      return List.of(Map.of("name", "shared/a"));
    }

    @Override
    public Result run(Request request, Model model, Models others) {
      return new Result(Map.of(), request.files());
    }

    @Override
    public byte[] runForFile(Request request, Model model, Models others, String file, long limit) {
      return new byte[0];
    }
  }

  private static List<String> samples() throws IOException {
    try (var in = OpenApiTest.class.getResourceAsStream("/dev/vidrio/server/samples.txt")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .filter(line -> line.startsWith("/"))
          .toList();
    }
  }

  @Test
  void describesWhatRoutesRead() throws IOException, InterruptedException {
    var document = new ApiDocument();
    Set<String> sampled = new TreeSet<>();
    ServerOptions options =
        ServerOptions.DEFAULT
            .withAddress("127.0.0.1", 0)
            .withEngine(EngineOptions.DEFAULT.withLens(LensOptions.STEERING))
            .withLensCommands(new Echo());
    try (Server server =
            Server.start(
                options,
                document,
                new ModelSource("parrot", TestServer::parrot),
                new ModelSource("bard", () -> Model.open(BardFiles.q8())));
        HttpClient client = HttpClient.newHttpClient()) {
      for (String sample : samples()) {
        String[] parts = sample.split(" ", 2);
        String path = route(server, parts[0]);
        sampled.add(path);
        document.begin(path);
        var request = HttpRequest.newBuilder(URI.create(server.uri() + parts[0]));
        if (parts.length > 1) {
          request
              .header("Content-Type", "application/json")
              .POST(BodyPublishers.ofString(parts[1]));
        }
        HttpResponse<String> response = client.send(request.build(), BodyHandlers.ofString());
        assertTrue(response.statusCode() < 500, sample + ": " + response.body());
        if (response.statusCode() == 200) {
          String type = response.headers().firstValue("Content-Type").orElse("");
          boolean json = type.startsWith("application/json");
          document.answered(path, type, json ? JSON.readTree(response.body()) : null);
        } else {
          assertTrue(
              response.body().contains("\"unsupported_parameter\""), sample + response.body());
        }
      }
      List<String> window = WindowRoutes.routes().stream().map(Route::path).toList();
      for (Route route : server.routes()) {
        if (!sampled.contains(route.path()) && !window.contains(route.path())) {
          HttpRequest request =
              HttpRequest.newBuilder(
                      URI.create(server.uri() + route.path().replaceFirst("/$", "/x")))
                  .method(route.method(), BodyPublishers.noBody())
                  .build();
          // Other than these, every route has a sample.
          int status = client.send(request, BodyHandlers.ofString()).statusCode();
          assertTrue(status == 501 || ApiDocument.RERANK.contains(route.path()), route.toString());
        }
      }
      String derived =
          JSON.writeValueAsString(
                  document.of(
                      server.routes().stream()
                          .filter(route -> !window.contains(route.path()))
                          .toList()))
              + "\n";
      if (Boolean.getBoolean("vidrio.update")) {
        Files.writeString(FILE, derived);
      }
      assertEquals(derived, Files.readString(FILE), "run with -Dvidrio.update=true");
    }
  }

  private static String route(Server server, String path) {
    return server.routes().stream()
        .map(route -> route.path())
        .filter(p -> p.equals(path) || (p.endsWith("/") && p.length() > 1 && path.startsWith(p)))
        .findFirst()
        .orElseThrow(() -> new AssertionError(path));
  }
}
