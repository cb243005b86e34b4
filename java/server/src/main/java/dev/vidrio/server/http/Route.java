package dev.vidrio.server.http;

import java.io.IOException;

/**
 * What is done at a path.
 *
 * @param method {@code GET} or {@code POST}
 * @param path the whole path; one that ends in a slash stands for all that begin with it, but for
 *     the root, which is itself alone
 * @param access who may ask
 * @param handler answers
 */
public record Route(String method, String path, Access access, Handler handler) {

  /** Who may ask, and when. */
  public enum Access {
    /** Who has a key, where keys are required. */
    KEY,
    /** Everybody: what is there is the same for all and tells nothing. */
    OPEN,
    /** Who has a key, also while the server is full or shuts down, which is when it matters. */
    WATCH,
    /**
     * Everybody, also while the server is full or shuts down: probes cannot keep a secret, and are
     * told none.
     */
    PROBE;

    boolean needsKey() {
      return this == KEY || this == WATCH;
    }

    /** Whether a server answers that is full or shuts down. */
    boolean isAlways() {
      return this == WATCH || this == PROBE;
    }
  }

  /** Answers a request, on a virtual thread of its own. */
  @FunctionalInterface
  public interface Handler {
    void handle(Exchange exchange) throws IOException;
  }

  public static Route get(String path, Handler handler) {
    return new Route("GET", path, Access.KEY, handler);
  }

  /** One for who {@linkplain Access#WATCH watches} the server. */
  public static Route watch(String path, Handler handler) {
    return new Route("GET", path, Access.WATCH, handler);
  }

  public static Route post(String path, Handler handler) {
    return new Route("POST", path, Access.KEY, handler);
  }

  /** One that is {@linkplain Access#OPEN open}. */
  public static Route open(String path, Handler handler) {
    return new Route("GET", path, Access.OPEN, handler);
  }

  /** One for {@linkplain Access#PROBE probes}. */
  public static Route probe(String path, Handler handler) {
    return new Route("GET", path, Access.PROBE, handler);
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
