package dev.vidrio.server.completion;

import dev.vidrio.server.generation.GenerationRoutes;
import dev.vidrio.server.http.Route;

/** {@code /v1/completions}: {@link CompletionRequest} is answered by {@link CompletionResponse}. */
public final class CompletionRoute {
  private CompletionRoute() {}

  public static Route of(GenerationRoutes routes) {
    return routes.route("/v1/completions", CompletionRequest::read);
  }
}
