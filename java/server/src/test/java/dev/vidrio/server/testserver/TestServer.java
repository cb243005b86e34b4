package dev.vidrio.server.testserver;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.HeldExecutor;
import dev.vidrio.model.testfiles.ParrotModel;
import dev.vidrio.server.ModelSource;
import dev.vidrio.server.Server;
import dev.vidrio.server.ServerLimits;
import dev.vidrio.server.ServerOptions;
import dev.vidrio.tokenizer.EncodeOptions;
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
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A server on a free port with two models: the parrot, which generates fixed answers, and bard. It
 * runs from {@link #start} to {@link #close}, or while the tests of a class do, as their extension.
 */
public final class TestServer implements AutoCloseable, BeforeAllCallback, AfterAllCallback {
  public static final String PARROT = "parrot";
  public static final String BARD = "bard";
  private static final String THINKER = "thinker";

  /** The parrot's answer in a chat. */
  public static final List<String> ANSWER = List.of("Glass", " is", " a", " solid", "…");

  /** The parrot's answer if it has tools. */
  public static final List<String> CALL =
      List.of(
          "Let",
          " me look.",
          "<tool_call>",
          "\n{\"name\": \"get_weather\", ",
          "\"arguments\": {\"place\": \"",
          "Köln",
          "\"}}\n",
          "</tool_call>");

  private final UnaryOperator<ServerOptions> change;
  private final ModelSource[] models;
  private final HttpClient client = HttpClient.newBuilder().build();
  private @Nullable Server server;

  private TestServer(UnaryOperator<ServerOptions> change, ModelSource... models) {
    this.change = change;
    this.models = models;
  }

  /** Writes a model's file. */
  private interface Writer {
    void write(Path file) throws IOException;
  }

  /** Writes a file of target, which other tests of the build read too. */
  private static Path fileOf(String name, Writer writer) {
    try {
      Path file = Files.createTempFile(Path.of("target"), name, ".part");
      writer.write(file);
      return Files.move(file, Path.of("target", name + ".gguf"), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static Model parrot() {
    return Model.open(
        fileOf(PARROT, file -> ParrotModel.write(file, Map.of(':', ANSWER, '=', CALL))));
  }

  private static Model thinker() {
    List<String> reasoned =
        List.of("<think>", "\nSand", " melts.", "\n</think>", "\n\nGlass", " is sand.");
    Map<Character, List<String>> answers = Map.of(':', reasoned, '>', List.of("Just", " glass."));
    return Model.open(fileOf(THINKER, file -> ParrotModel.writeThinker(file, answers)));
  }

  /** Returns the tokens of a text without BOS. */
  public static int[] parrotIds(String text) {
    try (Model model = parrot()) {
      return model.tokenizer().encode(text, EncodeOptions.DEFAULT.withAddBosEos(false));
    }
  }

  public static TestServer start() {
    return start(options -> options);
  }

  public static TestServer start(UnaryOperator<ServerOptions> change) {
    return forAll(change).begin();
  }

  public static TestServer start(UnaryOperator<ServerOptions> change, ModelSource... models) {
    return new TestServer(change, models).begin();
  }

  /** Starts a server with a bard that runs its steps when a test releases them. */
  public static TestServer start(HeldExecutor steps, UnaryOperator<ServerOptions> change) {
    return start(
        change,
        new ModelSource(PARROT, TestServer::parrot),
        new ModelSource(BARD, () -> steps.open(BardFiles.q8())));
  }

  /** Returns a server for all tests of a class. */
  public static TestServer forAll() {
    return forAll(options -> options);
  }

  /**
   * Returns a server for all tests of a class with a third model, {@code thinker}, which reasons
   * before it answers unless reasoning is off.
   */
  public static TestServer forAllWithThinker() {
    return new TestServer(
        options -> options,
        new ModelSource(PARROT, TestServer::parrot),
        new ModelSource(BARD, () -> Model.open(BardFiles.q8())),
        new ModelSource(THINKER, TestServer::thinker));
  }

  public static TestServer forAll(UnaryOperator<ServerOptions> change) {
    return new TestServer(
        change,
        new ModelSource(PARROT, TestServer::parrot),
        new ModelSource(BARD, () -> Model.open(BardFiles.q8())));
  }

  private TestServer begin() {
    // On a busy machine, heartbeats would interfere; tests of heartbeats enable them.
    ServerOptions options =
        ServerOptions.DEFAULT
            .withAddress("127.0.0.1", 0)
            .withLimits(ServerLimits.DEFAULT.withHeartbeat(Duration.ofDays(1)));
    try {
      server = Server.start(change.apply(options), models);
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void beforeAll(ExtensionContext context) {
    var _ = begin();
  }

  @Override
  public void afterAll(ExtensionContext context) {
    close();
  }

  public Server server() {
    return Objects.requireNonNull(server, "has not been started");
  }

  public HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(server().uri() + path));
  }

  public HttpResponse<String> send(HttpRequest request) {
    try {
      return client.send(request, BodyHandlers.ofString(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Posts JSON and returns the body's bytes. */
  public HttpResponse<byte[]> sendBytes(String path, String json)
      throws IOException, InterruptedException {
    return client.send(jsonRequest(path, json).build(), BodyHandlers.ofByteArray());
  }

  public HttpResponse<String> get(String path) {
    return send(request(path).build());
  }

  /** Posts JSON with single quotes instead of double quotes. */
  public HttpResponse<String> post(String path, String json) {
    return send(jsonRequest(path, json.replace('\'', '"')).build());
  }

  /** Returns the JSON of the events of a stream. */
  public List<JsonNode> events(String path, String json) {
    return post(path, json)
        .body()
        .lines()
        .filter(line -> line.startsWith("data: {"))
        .map(line -> JsonMapper.shared().readTree(line.substring("data: ".length())))
        .toList();
  }

  public HttpRequest.Builder jsonRequest(String path, String json) {
    return request(path)
        .header("Content-Type", "application/json")
        .POST(BodyPublishers.ofString(json, StandardCharsets.UTF_8));
  }

  /** Returns the body of a response, which must have the status 200. */
  public JsonNode json(String path, String json) {
    HttpResponse<String> response = post(path, json);
    if (response.statusCode() != 200) {
      throw new AssertionError(response.statusCode() + " " + response.body());
    }
    return JsonMapper.shared().readTree(response.body());
  }

  /** Returns the status and the error object of a response, as {@code 400 code param message}. */
  public static String error(HttpResponse<String> response) {
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
    server().close();
  }
}
