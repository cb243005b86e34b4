package dev.vidrio.server;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.error.InvalidInputException;
import java.time.Duration;
import java.util.List;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * Options of a server: where it listens, whom it answers, and its limits.
 *
 * @param host the address to listen on
 * @param port 0 for any free one
 * @param apiKeys accepted API keys; empty to answer everybody
 * @param origins of web pages that may call the server (CORS), such as {@code
 *     http://localhost:3000}
 * @param tls the server's certificate, for HTTPS; null for HTTP
 * @param limits of requests
 * @param engine options of every model's engine; the server sets its listener and number of
 *     adapters
 * @param keepAlive how long an idle model stays in memory; null for ever
 */
public record ServerOptions(
    String host,
    int port,
    List<String> apiKeys,
    List<String> origins,
    @Nullable SSLContext tls,
    ServerLimits limits,
    EngineOptions engine,
    @Nullable Duration keepAlive) {

  /** HTTP at 127.0.0.1:8080, for everybody on this machine. */
  public static final ServerOptions DEFAULT =
      new ServerOptions(
          "127.0.0.1",
          8080,
          List.of(),
          List.of(),
          null,
          ServerLimits.DEFAULT,
          EngineOptions.DEFAULT,
          null);

  /** Checks port, keys, origins and times; an address of IPv6 may have its brackets. */
  public ServerOptions {
    host = host.replaceFirst("^\\[(.*)]$", "$1");
    apiKeys = List.copyOf(apiKeys);
    origins = List.copyOf(origins);
    if (port < 0 || port > 65535) {
      throw new InvalidInputException("port", Integer.toString(port), "must be 0 to 65535");
    }
    if (apiKeys.stream().anyMatch(String::isBlank)) {
      throw new InvalidInputException("API key", "", "must not be empty");
    }
    for (String origin : origins) {
      if (!origin.matches("https?://[^/\\s]+")) {
        throw new InvalidInputException(
            "origin", origin, "must be like http://localhost:3000, without a path");
      }
    }
    if (keepAlive != null && keepAlive.isNegative()) {
      throw new InvalidInputException("keep-alive", keepAlive.toString(), "must not be negative");
    }
  }

  /** The same at another address. */
  public ServerOptions withAddress(String newHost, int newPort) {
    return new ServerOptions(newHost, newPort, apiKeys, origins, tls, limits, engine, keepAlive);
  }

  /** The same for whoever has one of these keys. */
  public ServerOptions withApiKeys(List<String> keys) {
    return new ServerOptions(host, port, keys, origins, tls, limits, engine, keepAlive);
  }

  /** The same for web pages of these origins too. */
  public ServerOptions withOrigins(List<String> newOrigins) {
    return new ServerOptions(host, port, apiKeys, newOrigins, tls, limits, engine, keepAlive);
  }

  /** The same over HTTPS. */
  public ServerOptions withTls(@Nullable SSLContext context) {
    return new ServerOptions(host, port, apiKeys, origins, context, limits, engine, keepAlive);
  }

  /** The same with other limits. */
  public ServerOptions withLimits(ServerLimits newLimits) {
    return new ServerOptions(host, port, apiKeys, origins, tls, newLimits, engine, keepAlive);
  }

  /** The same with other engines. */
  public ServerOptions withEngine(EngineOptions options) {
    return new ServerOptions(host, port, apiKeys, origins, tls, limits, options, keepAlive);
  }

  /** The same with models that leave memory when they are idle. */
  public ServerOptions withKeepAlive(@Nullable Duration time) {
    return new ServerOptions(host, port, apiKeys, origins, tls, limits, engine, time);
  }
}
