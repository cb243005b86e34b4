package dev.vidrio.server.http;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Finds the route of a request.
 *
 * @param routes the routes
 */
record Router(List<Route> routes) {

  /** Returns a route of a path with any method. */
  Optional<Route> at(String path) {
    return routes.stream().filter(route -> route.isAt(path)).findFirst();
  }

  /** Returns the path that a client with a wrong base URL meant: without {@code /v1}, or twice. */
  private Optional<String> suggestion(String path) {
    String bare = path.replaceFirst("/+$", "");
    return Stream.of(bare, "/v1" + bare, bare.replaceFirst("^/v1(?=/)", ""))
        .filter(other -> at(other).isPresent())
        .findFirst();
  }

  /**
   * Returns the route of a request.
   *
   * @throws ApiException 404 if there is none, 405 if it does not allow the method
   */
  Route of(Exchange exchange) {
    String path = exchange.path();
    List<Route> here = routes.stream().filter(route -> route.isAt(path)).toList();
    if (here.isEmpty()) {
      String hint = suggestion(path).map(other -> "; did you mean " + other + "?").orElse("");
      throw ApiException.request(404, "not_found", null, "path " + path + " not found" + hint);
    }
    for (Route route : here) {
      if (route.allows(exchange.method())) {
        return route;
      }
    }
    String allowed = String.join(", ", here.stream().map(Route::method).distinct().toList());
    exchange.response().header("Allow", allowed);
    throw ApiException.request(
        405,
        "method_not_allowed",
        null,
        "method " + exchange.method() + ": not allowed; allowed: " + allowed);
  }
}
