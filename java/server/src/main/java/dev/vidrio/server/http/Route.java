package dev.vidrio.server.http;

import java.io.IOException;

/**
 * A route of the server.
 *
 * @param method {@code GET} or {@code POST}
 * @param path the path. A path that ends in a slash matches all paths below it, except for the
 *     root, which matches only itself
 * @param access the access rule
 * @param handler handles the requests
 */
public record Route(String method, String path, Access access, Handler handler) {

  /** Access rules. */
  public enum Access {
    /** Needs a key if keys are required. */
    KEY,
    /** Needs no key: public static content. */
    OPEN,
    /** Needs a key if keys are required, but works while the server is full or shutting down. */
    MONITORING,
    /** Needs no key and works while the server is full or shutting down: health probes. */
    PROBE;

    boolean needsKey() {
      return this == KEY || this == MONITORING;
    }

    /** Returns whether the route works while the server is full or shutting down. */
    boolean isAlwaysAvailable() {
      return this == MONITORING || this == PROBE;
    }
  }

  /** Handles a request on a virtual thread of its own. */
  @FunctionalInterface
  public interface Handler {
    /** Handles a request; an exception becomes an error response. */
    void handle(Exchange exchange) throws IOException;
  }

  /** Returns a {@code GET} route that needs a key. */
  public static Route get(String path, Handler handler) {
    return new Route("GET", path, Access.KEY, handler);
  }

  /** Returns a {@code POST} route that needs a key. */
  public static Route post(String path, Handler handler) {
    return new Route("POST", path, Access.KEY, handler);
  }

  /** Returns a {@code GET} route that needs {@linkplain Access#OPEN no key}. */
  public static Route open(String path, Handler handler) {
    return new Route("GET", path, Access.OPEN, handler);
  }

  /** Returns a {@code GET} route for {@linkplain Access#PROBE probes}. */
  public static Route probe(String path, Handler handler) {
    return new Route("GET", path, Access.PROBE, handler);
  }

  /** Returns whether the route matches a path. */
  boolean isAt(String requested) {
    return (path.endsWith("/") && path.length() > 1)
        ? requested.startsWith(path) && requested.length() > path.length()
        : requested.equals(path);
  }

  /** Returns whether the route allows a method; {@code GET} routes allow {@code HEAD}. */
  boolean allows(String requested) {
    return requested.equals(method) || (method.equals("GET") && requested.equals("HEAD"));
  }
}
