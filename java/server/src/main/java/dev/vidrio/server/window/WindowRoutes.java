package dev.vidrio.server.window;

import dev.vidrio.lens.page.Page;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Response;
import dev.vidrio.server.http.Route;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The window: a page for people, which asks the other routes. It consists of files that are the
 * same for everybody and tell nothing, so that a browser gets them without a key.
 */
public final class WindowRoutes {
  private static final String ROOT = "/";
  private static final String FOLDER = "/window/";

  /** The page loads what this server has, runs nothing else, and sends nothing elsewhere. */
  private static final String POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
          + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  private static final Map<String, String> TYPES =
      Map.of(
          "html", "text/html; charset=utf-8",
          "css", "text/css; charset=utf-8",
          "js", "text/javascript; charset=utf-8",
          "svg", "image/svg+xml");

  /** Those of the lens's pages, for the same look. */
  private static final List<String> SHARED = List.of("page.css", "dom.js", "colour.js");

  private static final List<String> OWN =
      List.of("window.css", "icon.svg", "api.js", "glass.js", "chat.js", "window.js");

  private static final Map<String, byte[]> FILES = files();

  private WindowRoutes() {}

  private static Map<String, byte[]> files() {
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put(ROOT, resource("window.html"));
    SHARED.forEach(name -> files.put(FOLDER + name, Page.resource(name)));
    OWN.forEach(name -> files.put(FOLDER + name, resource(name)));
    return files;
  }

  private static byte[] resource(String name) {
    try (InputStream in =
        Objects.requireNonNull(WindowRoutes.class.getResourceAsStream(name), name)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(name, e);
    }
  }

  public static List<Route> routes() {
    return FILES.keySet().stream().map(path -> Route.open(path, WindowRoutes::answer)).toList();
  }

  private static void answer(Exchange exchange) throws IOException {
    byte[] file = Objects.requireNonNull(FILES.get(exchange.path()));
    String name = exchange.path().equals(ROOT) ? "window.html" : exchange.path();
    String type = Objects.requireNonNull(TYPES.get(name.substring(name.lastIndexOf('.') + 1)));
    Response reply = exchange.reply();
    reply.header("Content-Security-Policy", POLICY);
    reply.header("X-Content-Type-Options", "nosniff");
    reply.header("Referrer-Policy", "no-referrer");
    reply.header("Cache-Control", "no-cache");
    reply.finish(200, type, file);
  }
}
