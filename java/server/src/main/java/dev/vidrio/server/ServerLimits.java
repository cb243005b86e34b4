package dev.vidrio.server;

import dev.vidrio.error.InvalidInputException;
import java.time.Duration;

/**
 * What a server accepts from its clients.
 *
 * @param bodyBytes maximum bytes of a request's body, itself at most {@link #MAX_BODY_BYTES}
 * @param requests requests at once; further ones get 429
 * @param tokens maximum tokens of an answer, also the default of a chat
 * @param choices answers that one request may ask for, over all its prompts
 * @param requestTime maximum time of a request
 * @param writeTime how long a client may read nothing before it is disconnected
 * @param heartbeat how often a waiting client is sent a comment (in a stream of events) or a space
 *     (before JSON), to see whether it is still there
 * @param loadTime how long a request waits for its model to load before it gets 503
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

  /** The most that any time may be: 30 days. */
  public static final Duration MAX_TIME = Duration.ofDays(30);

  /** 8 MiB, 512 requests, 4096 tokens, 128 choices; 10 minutes, 30 s, 1 s, 1 minute. */
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

  /** The most that {@link #bodyBytes} may be: 1 GiB. */
  public static final int MAX_BODY_BYTES = 1 << 30;

  /** Checks that all are positive, and not too large. */
  public ServerLimits {
    require("body bytes", bodyBytes);
    if (bodyBytes > MAX_BODY_BYTES) {
      throw new InvalidInputException(
          "body bytes", Integer.toString(bodyBytes), "must be at most " + MAX_BODY_BYTES);
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
      throw new InvalidInputException(field, Integer.toString(value), "must be at least 1");
    }
  }

  private static void require(String field, Duration value) {
    if (value.compareTo(Duration.ofMillis(1)) < 0 || value.compareTo(MAX_TIME) > 0) {
      throw new InvalidInputException(field, value.toString(), "must be 1 ms to 30 days");
    }
  }

  /** The same with another limit of bodies. */
  public ServerLimits withBodyBytes(int bytes) {
    return new ServerLimits(
        bytes, requests, tokens, choices, requestTime, writeTime, heartbeat, loadTime);
  }

  /** The same with another number of requests at a time. */
  public ServerLimits withRequests(int count) {
    return new ServerLimits(
        bodyBytes, count, tokens, choices, requestTime, writeTime, heartbeat, loadTime);
  }

  /** The same with another limit of an answer. */
  public ServerLimits withTokens(int count) {
    return new ServerLimits(
        bodyBytes, requests, count, choices, requestTime, writeTime, heartbeat, loadTime);
  }

  /** The same with another time for a request. */
  public ServerLimits withRequestTime(Duration time) {
    return new ServerLimits(
        bodyBytes, requests, tokens, choices, time, writeTime, heartbeat, loadTime);
  }

  /** The same with another time for clients that do not read. */
  public ServerLimits withWriteTime(Duration time) {
    return new ServerLimits(
        bodyBytes, requests, tokens, choices, requestTime, time, heartbeat, loadTime);
  }

  /** The same with another heartbeat. */
  public ServerLimits withHeartbeat(Duration time) {
    return new ServerLimits(
        bodyBytes, requests, tokens, choices, requestTime, writeTime, time, loadTime);
  }

  /** The same with another time to wait for models. */
  public ServerLimits withLoadTime(Duration time) {
    return new ServerLimits(
        bodyBytes, requests, tokens, choices, requestTime, writeTime, heartbeat, time);
  }
}
