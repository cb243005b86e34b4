package dev.vidrio.server.chat;

import dev.vidrio.server.generation.TextRoutes;
import dev.vidrio.server.http.Route;

/**
 * {@code /v1/responses}, without memory, the stateless part of OpenAI's API: {@link
 * ResponseRequest} is answered by {@link ResponseObject}.
 */
public final class ResponseRoute {
  private ResponseRoute() {}

  public static Route of(TextRoutes routes) {
    return routes.route("/v1/responses", ResponseRequest::read);
  }
}
