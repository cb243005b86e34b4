package dev.vidrio.server.completion;

import dev.vidrio.server.generation.GenerationRoutes;
import dev.vidrio.server.http.Route;

/**
 * The route {@code /v1/completions}, with {@link CompletionRequest} and {@link CompletionResponse}.
 */
public final class CompletionRoute {
  private CompletionRoute() {}

  /** Returns the route. */
  public static Route of(GenerationRoutes routes) {
    return routes.route("/v1/completions", CompletionRequest::read);
  }
}
