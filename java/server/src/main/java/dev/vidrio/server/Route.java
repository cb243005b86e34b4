package dev.vidrio.server;

import java.io.IOException;

/**
 * What is done at a path.
 *
 * @param method {@code GET} or {@code POST}
 * @param path the whole path; one that ends in a slash stands for all that begin with it, but for
 *     the root, which is itself alone
 * @param handler answers
 */
record Route(String method, String path, Handler handler) {

  /** Answers a request, on a virtual thread of its own. */
  @FunctionalInterface
  interface Handler {
    void handle(Exchange exchange) throws IOException;
  }

  static Route get(String path, Handler handler) {
    return new Route("GET", path, handler);
  }

  static Route post(String path, Handler handler) {
    return new Route("POST", path, handler);
  }

  boolean isAt(String requested) {
    return (path.endsWith("/") && path.length() > 1)
        ? requested.startsWith(path) && requested.length() > path.length()
        : requested.equals(path);
  }

  /** The methods that it answers to. */
  boolean takes(String requested) {
    return requested.equals(method) || (method.equals("GET") && requested.equals("HEAD"));
  }
}
