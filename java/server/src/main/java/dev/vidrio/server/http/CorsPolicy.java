package dev.vidrio.server.http;

import java.io.IOException;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The origins of web pages that may call the server: the server's part of CORS (Fetch standard,
 * section 3.2). Pages of the server itself do not need it.
 *
 * @param allowed the allowed origins
 */
record CorsPolicy(Set<String> allowed) {
  private static final String METHODS = "GET, POST";
  private static final String EXPOSED_HEADERS = "x-request-id, x-vidrio-parameters, retry-after";

  /** Names of header fields; a response may repeat any of them. */
  private static final Pattern NAMES = Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z, -]*");

  /** Seconds for which a browser may cache a preflight response. */
  private static final String MAX_AGE = "600";

  /** Returns whether an origin was allowed by the options. */
  boolean allows(String origin) {
    return allowed.contains(origin);
  }

  /**
   * Adds the CORS headers for an allowed origin, and responds to preflight requests.
   *
   * @return true if the request was a preflight request and has been answered
   */
  boolean apply(Exchange exchange) throws IOException {
    String origin = exchange.header("Origin");
    if (origin == null || !allowed.contains(origin)) {
      return false;
    }
    Response response = exchange.response();
    response.header("Access-Control-Allow-Origin", origin);
    response.header("Vary", "Origin");
    if (!exchange.method().equals("OPTIONS")) {
      response.header("Access-Control-Expose-Headers", EXPOSED_HEADERS);
      return false;
    }
    String headers = exchange.header("Access-Control-Request-Headers");
    if (headers != null && NAMES.matcher(headers).matches()) {
      response.header("Access-Control-Allow-Headers", headers);
    }
    response.header("Access-Control-Allow-Methods", METHODS);
    response.header("Access-Control-Max-Age", MAX_AGE);
    response.finish(204, Exchange.JSON, new byte[0]);
    return true;
  }
}
