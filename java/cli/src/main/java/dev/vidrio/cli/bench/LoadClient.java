package dev.vidrio.cli.bench;

import dev.vidrio.cli.io.ApiUrl;
import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Writer;
import java.net.ConnectException;
import java.net.HttpURLConnection;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Sends requests to a server with OpenAI's API and records the times of the answers. Uses blocking
 * I/O: {@code java.net.http} passes each chunk through three threads, which would compete with a
 * server on the same machine.
 */
final class LoadClient {
  private static final String DATA = "data: ";
  private static final String IDLE_CONNECTIONS = "http.maxConnections";

  /**
   * An answer.
   *
   * @param tokens tokens of the answer
   * @param ttft time from the request to the first chunk
   * @param gaps times between chunks
   * @param total time from the request to the end
   */
  record Answer(int tokens, Duration ttft, List<Duration> gaps, Duration total) {
    /** Time per token after the first. */
    Duration tpot() {
      return total.minus(ttft).dividedBy(Math.max(1, tokens - 1));
    }
  }

  /** A refusal of an overloaded server: status 429 or 503. */
  static final class Refused extends Exception {
    private static final long serialVersionUID = 1L;

    Refused(int status) {
      super("refused with status " + status);
    }
  }

  static {
    // The number of idle connections that the JDK keeps, unless the user sets it.
    if (System.getProperty(IDLE_CONNECTIONS) == null) {
      System.setProperty(IDLE_CONNECTIONS, "1024");
    }
  }

  private final ApiUrl url;
  private final @Nullable String key;
  private final String model;

  /**
   * @param model the model's id; null for the first model of the server
   * @param key the API key; null for none
   */
  LoadClient(ApiUrl url, @Nullable String model, @Nullable String key) {
    this.url = url;
    this.key = key;
    this.model = model == null ? firstModel() : model;
  }

  /** Returns the model's id. */
  String model() {
    return model;
  }

  private String firstModel() {
    try {
      HttpURLConnection request = request("/models");
      int status = request.getResponseCode();
      try (InputStream body = body(request)) {
        JsonNode first = JsonMapper.shared().readTree(body).path("data").path(0).path("id");
        if (status != 200 || !first.isString()) {
          throw new CommandException(url + "/models: status " + status + ", lists no model");
        }
        return first.stringValue();
      }
    } catch (ConnectException e) {
      throw new CommandException(url + ": connection refused", e);
    } catch (UnknownHostException e) {
      throw new CommandException(url + ": the host name cannot be resolved", e);
    } catch (IOException | JacksonException e) {
      throw new CommandException(url + "/models: " + e, e);
    }
  }

  private HttpURLConnection request(String path) throws IOException {
    var request = (HttpURLConnection) url.resolve(path).toURL().openConnection();
    if (key != null) {
      request.setRequestProperty("Authorization", "Bearer " + key);
    }
    return request;
  }

  /** Returns the body of a response, also of an error. */
  private static InputStream body(HttpURLConnection request) throws IOException {
    InputStream error = request.getErrorStream();
    return error == null ? request.getInputStream() : error;
  }

  /**
   * Requests a continuation of a fixed number of tokens.
   *
   * @throws Refused if the server is overloaded
   * @throws IOException if the request fails
   */
  Answer ask(int[] prompt, int tokens) throws IOException, Refused {
    JsonObject body =
        new JsonObject()
            .with("model", model)
            .with("prompt", prompt)
            .with("max_tokens", tokens)
            .with("temperature", 0)
            .with("ignore_eos", true)
            .with("stream", true)
            .with("stream_options", Map.of("include_usage", true));
    byte[] json = JsonMapper.shared().writeValueAsBytes(body);
    HttpURLConnection request = request("/completions");
    request.setRequestProperty("Content-Type", "application/json");
    request.setDoOutput(true);
    request.setFixedLengthStreamingMode(json.length);
    long start = System.nanoTime();
    request.getOutputStream().write(json);
    int status = request.getResponseCode();
    try (var lines =
        new BufferedReader(new InputStreamReader(body(request), StandardCharsets.UTF_8))) {
      if (status == 429 || status == 503) {
        lines.transferTo(Writer.nullWriter()); // reads to the end, so that the connection is reused
        throw new Refused(status);
      }
      if (status != 200) {
        throw new IOException("status " + status + ": " + lines.readLine());
      }
      return read(lines, start);
    }
  }

  private static Answer read(BufferedReader lines, long start) throws IOException {
    List<Duration> gaps = new ArrayList<>();
    Duration ttft = null;
    long last = start;
    int tokens = 0;
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      if (!line.startsWith(DATA)) {
        continue;
      }
      long now = System.nanoTime();
      if (line.startsWith("[DONE]", DATA.length())) {
        if (ttft == null || tokens == 0) {
          throw new IOException("the stream has no tokens, or no usage");
        }
        lines.transferTo(Writer.nullWriter());
        return new Answer(tokens, ttft, gaps, Duration.ofNanos(now - start));
      }
      JsonNode event = JsonMapper.shared().readTree(line.substring(DATA.length()));
      if (event.has("error")) {
        throw new IOException(event.get("error").toString());
      }
      tokens = event.path("usage").path("completion_tokens").asInt(tokens);
      if (!event.path("choices").path(0).isMissingNode()) {
        Duration since = Duration.ofNanos(now - last);
        if (ttft == null) {
          ttft = since;
        } else {
          gaps.add(since);
        }
        last = now;
      }
    }
    throw new IOException("the stream ends without [DONE]");
  }
}
