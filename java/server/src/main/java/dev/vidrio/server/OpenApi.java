package dev.vidrio.server;

import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Route;
import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;

/**
 * The route {@code /openapi.json}: a description of the API by OpenAPI 3.1. A test derives it from
 * the fields that the routes read.
 */
final class OpenApi {
  /** The resource with the description. */
  static final String RESOURCE = "openapi.json";

  private OpenApi() {}

  static Route route() {
    return Route.open(
        "/openapi.json", exchange -> exchange.response().finish(200, Exchange.JSON, read()));
  }

  private static byte[] read() throws IOException {
    try (InputStream in =
        Objects.requireNonNull(OpenApi.class.getResourceAsStream(RESOURCE), RESOURCE)) {
      return in.readAllBytes();
    }
  }
}
