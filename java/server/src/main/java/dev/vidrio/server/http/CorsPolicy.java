package dev.vidrio.server.http;

import java.io.IOException;
import java.util.Set;

/**
 * The web pages, by their origins, to which browsers may show answers: the server's part of CORS
 * (the Fetch standard, section 3.2). Pages of the server itself need none of it.
 */
final class CorsPolicy {
  private static final String METHODS = "GET, POST";
  private static final String READABLE = "x-request-id, x-vidrio-parameters, retry-after";

  /** Seconds for which a browser need not ask again. */
  private static final String MAX_AGE = "600";

  private final Set<String> allowed;

  CorsPolicy(Set<String> allowed) {
    this.allowed = Set.copyOf(allowed);
  }

  /**
   * Tells a browser what it may do.
   *
   * @return whether that was all it has asked, and is answered
   */
  boolean answer(Exchange exchange) throws IOException {
    String origin = exchange.header("Origin");
    if (origin == null || !allowed.contains(origin)) {
      return false;
    }
    Response reply = exchange.reply();
    reply.header("Access-Control-Allow-Origin", origin);
    reply.header("Vary", "Origin");
    if (!exchange.method().equals("OPTIONS")) {
      reply.header("Access-Control-Expose-Headers", READABLE);
      return false;
    }
    String headers = exchange.header("Access-Control-Request-Headers");
    if (headers != null) {
      reply.header("Access-Control-Allow-Headers", headers);
    }
    reply.header("Access-Control-Allow-Methods", METHODS);
    reply.header("Access-Control-Max-Age", MAX_AGE);
    reply.finish(204, Exchange.JSON, new byte[0]);
    return true;
  }
}
