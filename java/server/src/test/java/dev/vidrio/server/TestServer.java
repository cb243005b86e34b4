package dev.vidrio.server;

import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.BardFiles;
import dev.vidrio.model.testfiles.ParrotModel;
import dev.vidrio.model.tokenizer.EncodeOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A server on a free port with two models: one that says what it was taught, and the bard. */
final class TestServer implements AutoCloseable {
  static final String PARROT = "parrot";
  static final String BARD = "bard";

  /** What the parrot says in a chat. */
  static final List<String> ANSWER = List.of("Glass", " is", " a", " solid", "…");

  /** What it says when it has tools. */
  static final List<String> CALL =
      List.of(
          "Let",
          " me look.",
          "<tool_call>",
          "\n{\"name\": \"get_weather\", ",
          "\"arguments\": {\"place\": \"",
          "Köln",
          "\"}}\n",
          "</tool_call>");

  private final Server server;
  private final HttpClient client = HttpClient.newBuilder().build();

  private TestServer(Server server) {
    this.server = server;
  }

  /** The parrot's file, which other tests of the build read too. */
  private static Path parrotFile() {
    try {
      Path file = Files.createTempFile(Path.of("target"), "parrot", ".part");
      ParrotModel.write(file, Map.of(':', ANSWER, '=', CALL));
      return Files.move(file, Path.of("target", "parrot.gguf"), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Model parrot() {
    return Model.open(parrotFile());
  }

  /** The tokens of a text, without the one that begins texts. */
  static int[] parrotIds(String text) {
    try (Model model = parrot()) {
      return model.tokenizer().encode(text, EncodeOptions.DEFAULT.withAddBosEos(false));
    }
  }

  static TestServer start() {
    return start(options -> options);
  }

  static TestServer start(UnaryOperator<ServerOptions> change) {
    return start(
        change,
        new ModelSource(PARROT, TestServer::parrot),
        new ModelSource(BARD, () -> Model.open(BardFiles.q8())));
  }

  static TestServer start(UnaryOperator<ServerOptions> change, ModelSource... models) {
    // Heartbeats would come in between on a machine that is busy; those who test them set them.
    ServerOptions options =
        ServerOptions.DEFAULT
            .withAddress("127.0.0.1", 0)
            .withLimits(ServerLimits.DEFAULT.withHeartbeat(Duration.ofDays(1)));
    try {
      return new TestServer(Server.start(change.apply(options), models));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Server server() {
    return server;
  }

  HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(server.uri() + path));
  }

  HttpResponse<String> send(HttpRequest request) {
    try {
      return client.send(request, BodyHandlers.ofString(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Posts JSON and takes the answer's bytes. */
  HttpResponse<byte[]> sendBytes(String path, String json)
      throws IOException, InterruptedException {
    return client.send(jsonRequest(path, json).build(), BodyHandlers.ofByteArray());
  }

  HttpResponse<String> get(String path) {
    return send(request(path).build());
  }

  /** Posts JSON, in which single quotes stand for double ones. */
  HttpResponse<String> post(String path, String json) {
    return send(jsonRequest(path, json.replace('\'', '"')).build());
  }

  HttpRequest.Builder jsonRequest(String path, String json) {
    return request(path)
        .header("Content-Type", "application/json")
        .POST(BodyPublishers.ofString(json, StandardCharsets.UTF_8));
  }

  /** The body of an answer that must be 200. */
  JsonNode json(String path, String json) {
    HttpResponse<String> response = post(path, json);
    if (response.statusCode() != 200) {
      throw new AssertionError(response.statusCode() + " " + response.body());
    }
    return JsonMapper.shared().readTree(response.body());
  }

  /** The status and the error object of an answer, as {@code 400 code param message}. */
  static String error(HttpResponse<String> response) {
    JsonNode error = JsonMapper.shared().readTree(response.body()).path("error");
    return response.statusCode()
        + " "
        + error.path("code").stringValue()
        + " "
        + error.path("param").stringValue("-")
        + " "
        + error.path("message").stringValue();
  }

  @Override
  public void close() {
    client.close();
    server.close();
  }
}
