package dev.vidrio.server.http;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Finds what a request asks for. */
final class Router {
  private final List<Route> routes;

  Router(List<Route> routes) {
    this.routes = List.copyOf(routes);
  }

  /** The route of a path, whatever the method. */
  Optional<Route> at(String path) {
    return routes.stream().filter(route -> route.isAt(path)).findFirst();
  }

  /** Where clients meant to go whose base address ends otherwise than in {@code /v1}. */
  private Optional<String> meant(String path) {
    String bare = path.replaceFirst("/+$", "");
    return Stream.of(bare, "/v1" + bare, bare.replaceFirst("^/v1(?=/)", ""))
        .filter(other -> at(other).isPresent())
        .findFirst();
  }

  /** The route of a request. */
  Route of(Exchange exchange) {
    String path = exchange.path();
    List<Route> here = routes.stream().filter(route -> route.isAt(path)).toList();
    if (here.isEmpty()) {
      throw ApiException.noRoute(path, meant(path));
    }
    for (Route route : here) {
      if (route.takes(exchange.method())) {
        return route;
      }
    }
    String allowed = String.join(", ", here.stream().map(Route::method).distinct().toList());
    exchange.reply().header("Allow", allowed);
    throw ApiException.wrongMethod(exchange.method(), allowed);
  }
}
