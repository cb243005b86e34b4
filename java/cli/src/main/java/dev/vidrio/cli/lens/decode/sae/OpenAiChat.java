package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.io.ApiUrl;
import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.lens.decode.sae.explain.ChatModel;
import dev.vidrio.template.ChatMessage;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A chat model of a server with OpenAI's API. A request that the server rejects for a moment, such
 * as with status 429, is sent again up to three times.
 */
final class OpenAiChat implements ChatModel, AutoCloseable {
  private static final Duration CONNECT = Duration.ofSeconds(10);

  /** Maximum bytes of a response. */
  private static final int MAX_BYTES = 4 << 20;

  private static final int ATTEMPTS = 4;

  /** Seconds of the longest pause before another attempt. */
  private static final long MAX_PAUSE = 60;

  private static final Set<Integer> TRANSIENT = Set.of(429, 500, 502, 503, 504);

  /** Statuses of requests with a field that the server does not support. */
  private static final Set<Integer> INVALID = Set.of(400, 422);

  private final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .followRedirects(HttpClient.Redirect.NEVER)
          .connectTimeout(CONNECT)
          .build();

  private final ApiUrl url;
  private final @Nullable String key;
  private final Duration timeout;
  private final Duration pause;
  private final String model;
  private boolean rejectsLogProbabilities;

  /**
   * Connects to a server.
   *
   * @param model the model's id; null for the first model of the server
   * @param key the API key; null for none
   * @param timeout of a request
   * @param pause before the second attempt; doubled before each further one
   * @throws CommandException if the server lists no model and none is given
   */
  OpenAiChat(
      ApiUrl url, @Nullable String model, @Nullable String key, Duration timeout, Duration pause) {
    this.url = url;
    this.key = key;
    this.timeout = timeout;
    this.pause = pause;
    this.model = model == null ? firstModel() : model;
  }

  /** Returns the model's id. */
  String model() {
    return model;
  }

  private String firstModel() {
    try {
      JsonNode id = send("/models", null).path("data").path(0).path("id");
      if (id.isString()) {
        return id.stringValue();
      }
    } catch (IOException e) {
      throw new CommandException(String.valueOf(e.getMessage()), e);
    }
    throw new CommandException(url + "/models: lists no model; name one with --model");
  }

  @Override
  public String answer(List<ChatMessage> messages) throws IOException {
    return text(choice(body(messages)));
  }

  /** Asks for log-probabilities until the server rejects a request with them as invalid. */
  @Override
  public Answer answerWithTokens(List<ChatMessage> messages) throws IOException {
    if (!rejectsLogProbabilities) {
      JsonObject body = body(messages).with("logprobs", true).with("top_logprobs", CHOICES);
      try {
        JsonNode choice = choice(body);
        return new Answer(text(choice), tokens(choice.path("logprobs").path("content")));
      } catch (StatusException e) {
        if (!INVALID.contains(e.status)) {
          throw e;
        }
        rejectsLogProbabilities = true;
      }
    }
    return new Answer(answer(messages), List.of());
  }

  private JsonObject body(List<ChatMessage> messages) {
    return new JsonObject()
        .with("model", model)
        .with("messages", messages.stream().map(ChatMessage::fields).toList())
        .with("temperature", 0)
        .with("max_tokens", MAX_TOKENS);
  }

  private JsonNode choice(JsonObject body) throws IOException {
    return send("/chat/completions", body).path("choices").path(0);
  }

  private String text(JsonNode choice) throws IOException {
    JsonNode message = choice.path("message").path("content");
    if (message.isNull()) {
      return "";
    }
    if (!message.isString()) {
      throw new IOException(url + "/chat/completions: the response has no message with content");
    }
    return message.stringValue();
  }

  /** Returns the tokens that a response has. */
  private static List<Token> tokens(JsonNode content) {
    return content
        .valueStream()
        .map(
            token ->
                new Token(
                    token.path("token").asString(""),
                    token
                        .path("top_logprobs")
                        .valueStream()
                        .map(
                            top ->
                                new Choice(
                                    top.path("token").asString(""),
                                    top.path("logprob").asDouble(Double.NEGATIVE_INFINITY)))
                        .toList()))
        .toList();
  }

  /** A response with another status than 200. */
  private static final class StatusException extends IOException {
    private static final long serialVersionUID = 1;

    private final int status;

    StatusException(int status, String message) {
      super(message);
      this.status = status;
    }
  }

  /** Sends a request, again if the server is overloaded, and returns the response's JSON. */
  private JsonNode send(String path, @Nullable JsonObject body) throws IOException {
    URI address = url.resolve(path);
    for (int attempt = 1; ; attempt++) {
      HttpResponse<InputStream> response = request(address, body);
      byte[] content;
      try (InputStream in = response.body()) {
        content = in.readNBytes(MAX_BYTES + 1);
      }
      if (content.length > MAX_BYTES) {
        throw new IOException(address + ": the response exceeds " + MAX_BYTES + " bytes");
      }
      if (response.statusCode() == 200) {
        return parse(address, content);
      }
      if (!TRANSIENT.contains(response.statusCode()) || attempt == ATTEMPTS) {
        throw new StatusException(
            response.statusCode(),
            address + ": status " + response.statusCode() + reason(address, content));
      }
      OptionalLong wanted = seconds(response);
      Duration wait =
          wanted.isPresent()
              ? Duration.ofSeconds(Math.clamp(wanted.getAsLong(), 0, MAX_PAUSE))
              : pause.multipliedBy(1L << (attempt - 1));
      sleep(wait);
    }
  }

  private static OptionalLong seconds(HttpResponse<?> response) {
    return response
        .headers()
        .firstValue("Retry-After")
        .filter(value -> value.matches("\\d{1,9}"))
        .map(value -> OptionalLong.of(Long.parseLong(value)))
        .orElse(OptionalLong.empty());
  }

  private HttpResponse<InputStream> request(URI address, @Nullable JsonObject body)
      throws IOException {
    HttpRequest.Builder request = HttpRequest.newBuilder(address).timeout(timeout);
    if (key != null) {
      request.header("Authorization", "Bearer " + key);
    }
    if (body != null) {
      request
          .header("Content-Type", "application/json")
          .POST(BodyPublishers.ofByteArray(JsonMapper.shared().writeValueAsBytes(body)));
    }
    try {
      return client.send(request.build(), BodyHandlers.ofInputStream());
    } catch (HttpTimeoutException e) {
      throw new IOException(address + ": no response within " + timeout.toSeconds() + " s", e);
    } catch (IOException e) {
      String detail = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
      throw new IOException(address + ": the connection failed: " + detail, e);
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
  }

  private static void sleep(Duration duration) throws IOException {
    try {
      Thread.sleep(duration);
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
  }

  private static IOException interrupted(InterruptedException e) {
    Thread.currentThread().interrupt();
    return new IOException("interrupted", e);
  }

  private static JsonNode parse(URI address, byte[] content) throws IOException {
    try {
      return JsonMapper.shared().readTree(content);
    } catch (JacksonException e) {
      throw new IOException(address + ": the response is not JSON", e);
    }
  }

  /** Returns the error's message after a colon, if the response has one. */
  private static String reason(URI address, byte[] content) {
    try {
      JsonNode error = parse(address, content).path("error");
      JsonNode message = error.isString() ? error : error.path("message");
      return message.isString() ? ": " + message.stringValue() : "";
    } catch (IOException e) {
      return "";
    }
  }

  @Override
  public void close() {
    client.shutdownNow();
  }
}
