package dev.vidrio.server;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.server.command.LensCommands;
import java.time.Duration;
import java.util.List;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * Options of a server: its address, access control, limits and engines. {@link #DEFAULT} serves
 * clients on this machine without a key; set {@code apiKeys} before you listen on other addresses.
 *
 * {@snippet file="ServerExamples.java" region="start"}
 *
 * @param host the address to listen on; {@code 0.0.0.0} or {@code ::} for all
 * @param port the port; 0 for any free one
 * @param apiKeys the accepted API keys ({@code Authorization: Bearer KEY}); empty to require none
 * @param origins the origins of web pages that may call the server (CORS), such as {@code
 *     http://localhost:3000}. Without keys, requests of other web pages get 403
 * @param tls the TLS context with the server's certificate, for HTTPS; null for HTTP
 * @param limits limits of requests
 * @param engine options of each model's engine; the server sets its listener, its draft model and
 *     number of adapters
 * @param keepAlive how long an idle model stays in memory; null for no limit
 * @param modelBytes bytes of the loaded models, with their caches, beyond which idle ones are
 *     unloaded, the least recently used first; 0 for no limit
 * @param lensCommands the commands of {@code /v1/lens/commands}
 * @see Server#start
 */
public record ServerOptions(
    String host,
    int port,
    List<String> apiKeys,
    List<String> origins,
    @Nullable SSLContext tls,
    ServerLimits limits,
    EngineOptions engine,
    @Nullable Duration keepAlive,
    long modelBytes,
    LensCommands lensCommands) {

  /** HTTP on 127.0.0.1:8080 without API keys. */
  public static final ServerOptions DEFAULT =
      new ServerOptions(
          "127.0.0.1",
          8080,
          List.of(),
          List.of(),
          null,
          ServerLimits.DEFAULT,
          EngineOptions.DEFAULT,
          null,
          0,
          LensCommands.NONE);

  /**
   * Creates options. An IPv6 address may have brackets.
   *
   * @throws InvalidInputException if the port, a key, an origin or a time is invalid
   */
  public ServerOptions {
    host = host.replaceFirst("^\\[(.*)]$", "$1");
    apiKeys = List.copyOf(apiKeys);
    origins = List.copyOf(origins);
    InvalidInputException.requireRange("port", port, 0, 65535);
    if (apiKeys.stream().anyMatch(String::isBlank)) {
      throw new InvalidInputException("API key", "", "must not be empty");
    }
    for (String origin : origins) {
      if (!origin.matches("[a-z][a-z0-9+.-]*://[^/\\s]+")) {
        throw new InvalidInputException(
            "origin", origin, "must be a scheme and a host, such as http://localhost:3000");
      }
    }
    if (keepAlive != null && keepAlive.isNegative()) {
      throw new InvalidInputException("keep-alive", keepAlive, "must not be negative");
    }
    if (modelBytes < 0) {
      throw new InvalidInputException("memory of models", modelBytes, "must not be negative");
    }
  }

  /** Returns a copy with another address. */
  public ServerOptions withAddress(String newHost, int newPort) {
    return new ServerOptions(
        newHost,
        newPort,
        apiKeys,
        origins,
        tls,
        limits,
        engine,
        keepAlive,
        modelBytes,
        lensCommands);
  }

  /** Returns a copy with other API keys. */
  public ServerOptions withApiKeys(List<String> keys) {
    return new ServerOptions(
        host, port, keys, origins, tls, limits, engine, keepAlive, modelBytes, lensCommands);
  }

  /** Returns a copy with other allowed origins. */
  public ServerOptions withOrigins(List<String> newOrigins) {
    return new ServerOptions(
        host, port, apiKeys, newOrigins, tls, limits, engine, keepAlive, modelBytes, lensCommands);
  }

  /** Returns a copy with HTTPS, or HTTP if the context is null. */
  public ServerOptions withTls(@Nullable SSLContext context) {
    return new ServerOptions(
        host, port, apiKeys, origins, context, limits, engine, keepAlive, modelBytes, lensCommands);
  }

  /** Returns a copy with other limits. */
  public ServerOptions withLimits(ServerLimits newLimits) {
    return new ServerOptions(
        host, port, apiKeys, origins, tls, newLimits, engine, keepAlive, modelBytes, lensCommands);
  }

  /** Returns a copy with other engine options. */
  public ServerOptions withEngine(EngineOptions options) {
    return new ServerOptions(
        host, port, apiKeys, origins, tls, limits, options, keepAlive, modelBytes, lensCommands);
  }

  /** Returns a copy with another keep-alive time. */
  public ServerOptions withKeepAlive(@Nullable Duration time) {
    return new ServerOptions(
        host, port, apiKeys, origins, tls, limits, engine, time, modelBytes, lensCommands);
  }

  /** Returns a copy with another limit of the bytes of loaded models; 0 for none. */
  public ServerOptions withModelBytes(long bytes) {
    return new ServerOptions(
        host, port, apiKeys, origins, tls, limits, engine, keepAlive, bytes, lensCommands);
  }

  /** Returns a copy with other commands of the lens. */
  public ServerOptions withLensCommands(LensCommands commands) {
    return new ServerOptions(
        host, port, apiKeys, origins, tls, limits, engine, keepAlive, modelBytes, commands);
  }
}
