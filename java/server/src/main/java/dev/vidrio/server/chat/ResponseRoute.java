package dev.vidrio.server.chat;

import dev.vidrio.server.generation.GenerationRoutes;
import dev.vidrio.server.http.Route;

/**
 * {@code /v1/responses}, without memory, the stateless part of OpenAI's API: {@link
 * ResponseRequest} is answered by {@link ResponseObject}.
 */
public final class ResponseRoute {
  private ResponseRoute() {}

  public static Route of(GenerationRoutes routes) {
    return routes.route("/v1/responses", ResponseRequest::read);
  }
}
