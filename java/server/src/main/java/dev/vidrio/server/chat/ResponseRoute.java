package dev.vidrio.server.chat;

import dev.vidrio.server.generation.GenerationRoutes;
import dev.vidrio.server.http.Route;

/**
 * The route {@code /v1/responses}, with {@link ResponseRequest} and {@link ResponseObject}. Only
 * the stateless part of OpenAI's API is supported.
 */
public final class ResponseRoute {
  private ResponseRoute() {}

  /** Returns the route. */
  public static Route of(GenerationRoutes routes) {
    return routes.route("/v1/responses", ResponseRequest::read);
  }
}
