package dev.vidrio.server.http;

import java.util.List;
import java.util.Optional;

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

  /** The route of a request. */
  Route of(Exchange exchange) {
    String path = exchange.path();
    List<Route> here = routes.stream().filter(route -> route.isAt(path)).toList();
    if (here.isEmpty()) {
      throw ApiException.noRoute(path);
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
