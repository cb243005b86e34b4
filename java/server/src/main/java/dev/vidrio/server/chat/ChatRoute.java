package dev.vidrio.server.chat;

import dev.vidrio.server.generation.TextRoutes;
import dev.vidrio.server.http.Route;

/** {@code /v1/chat/completions}: {@link ChatRequest} is answered by {@link ChatCompletion}. */
public final class ChatRoute {
  private ChatRoute() {}

  public static Route of(TextRoutes routes) {
    return routes.route("/v1/chat/completions", ChatRequest::read);
  }
}
