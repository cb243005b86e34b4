package dev.vidrio.server.chat;

import dev.vidrio.server.generation.GenerationRoutes;
import dev.vidrio.server.http.Route;

/** {@code /v1/chat/completions}: {@link ChatRequest} is answered by {@link ChatCompletion}. */
public final class ChatRoute {
  private ChatRoute() {}

  public static Route of(GenerationRoutes routes) {
    return routes.route("/v1/chat/completions", ChatRequest::read);
  }
}
