package dev.vidrio.server.chat;

import dev.vidrio.server.generation.GenerationRoutes;
import dev.vidrio.server.http.Route;

/** The route {@code /v1/chat/completions}, with {@link ChatRequest} and {@link ChatCompletion}. */
public final class ChatRoute {
  private ChatRoute() {}

  /** Returns the route. */
  public static Route of(GenerationRoutes routes) {
    return routes.route("/v1/chat/completions", ChatRequest::read);
  }
}
