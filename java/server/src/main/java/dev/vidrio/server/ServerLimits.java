package dev.vidrio.server;

import dev.vidrio.error.InvalidInputException;
import java.time.Duration;

/**
 * Limits of a server's requests. Each protects the server from a client that asks for too much, is
 * slow, or has disconnected.
 *
 * @param bodyBytes maximum bytes of a request's body, at most {@link #MAX_BODY_BYTES}; larger ones
 *     get 413
 * @param requests maximum concurrent requests over all models; further ones get 429
 * @param tokens maximum tokens of an answer, and the default of a chat
 * @param choices maximum answers of a request, over all its prompts
 * @param requestTime maximum duration of a request; an answer is cut there
 * @param writeTime how long a write to a client may block before it is disconnected
 * @param heartbeat interval at which a waiting client is sent a comment (in an event stream) or a
 *     space (before JSON), which detects disconnected clients
 * @param loadTime how long a request waits for its model to load before it gets 503
 * @see ServerOptions#withLimits
 */
public record ServerLimits(
    int bodyBytes,
    int requests,
    int tokens,
    int choices,
    Duration requestTime,
    Duration writeTime,
    Duration heartbeat,
    Duration loadTime) {

  /** Maximum of all times: 30 days. */
  public static final Duration MAX_TIME = Duration.ofDays(30);

  /**
   * The defaults: 8 MiB, 512 requests, 4096 tokens, 128 choices; 10 minutes per request, 30 s per
   * write, a heartbeat per second, 1 minute for loading.
   */
  public static final ServerLimits DEFAULT =
      new ServerLimits(
          8 << 20,
          512,
          4096,
          128,
          Duration.ofMinutes(10),
          Duration.ofSeconds(30),
          Duration.ofSeconds(1),
          Duration.ofMinutes(1));

  /** Maximum of {@link #bodyBytes}: 1 GiB. */
  public static final int MAX_BODY_BYTES = 1 << 30;

  /**
   * Creates limits.
   *
   * @throws InvalidInputException if a value is not positive or too large
   */
  public ServerLimits {
    require("body bytes", bodyBytes);
    if (bodyBytes > MAX_BODY_BYTES) {
      throw new InvalidInputException("body bytes", bodyBytes, "must be at most " + MAX_BODY_BYTES);
    }
    require("requests", requests);
    require("tokens", tokens);
    require("choices", choices);
    require("request time", requestTime);
    require("write time", writeTime);
    require("heartbeat", heartbeat);
    require("load time", loadTime);
  }

  private static void require(String field, int value) {
    if (value < 1) {
      throw new InvalidInputException(field, value, "must be at least 1");
    }
  }

  private static void require(String field, Duration value) {
    if (value.compareTo(Duration.ofMillis(1)) < 0 || value.compareTo(MAX_TIME) > 0) {
      throw new InvalidInputException(field, value, "must be 1 ms to 30 days");
    }
  }

  /** Returns a copy with another limit of bodies. */
  public ServerLimits withBodyBytes(int bytes) {
    return new ServerLimits(
        bytes, requests, tokens, choices, requestTime, writeTime, heartbeat, loadTime);
  }

  /** Returns a copy with another number of concurrent requests. */
  public ServerLimits withRequests(int count) {
    return new ServerLimits(
        bodyBytes, count, tokens, choices, requestTime, writeTime, heartbeat, loadTime);
  }

  /** Returns a copy with another limit of tokens. */
  public ServerLimits withTokens(int count) {
    return new ServerLimits(
        bodyBytes, requests, count, choices, requestTime, writeTime, heartbeat, loadTime);
  }

  /** Returns a copy with another duration of requests. */
  public ServerLimits withRequestTime(Duration time) {
    return new ServerLimits(
        bodyBytes, requests, tokens, choices, time, writeTime, heartbeat, loadTime);
  }

  /** Returns a copy with another write timeout. */
  public ServerLimits withWriteTime(Duration time) {
    return new ServerLimits(
        bodyBytes, requests, tokens, choices, requestTime, time, heartbeat, loadTime);
  }

  /** Returns a copy with another heartbeat interval. */
  public ServerLimits withHeartbeat(Duration time) {
    return new ServerLimits(
        bodyBytes, requests, tokens, choices, requestTime, writeTime, time, loadTime);
  }

  /** Returns a copy with another load timeout. */
  public ServerLimits withLoadTime(Duration time) {
    return new ServerLimits(
        bodyBytes, requests, tokens, choices, requestTime, writeTime, heartbeat, time);
  }
}
