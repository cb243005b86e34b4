package dev.vidrio.server.text;

import dev.vidrio.server.generation.TextRoutes;
import dev.vidrio.server.http.Route;

/** {@code /v1/completions}: {@link CompletionRequest} is answered by {@link TextCompletion}. */
public final class CompletionRoute {
  private CompletionRoute() {}

  public static Route of(TextRoutes routes) {
    return routes.route("/v1/completions", CompletionRequest::read);
  }
}
