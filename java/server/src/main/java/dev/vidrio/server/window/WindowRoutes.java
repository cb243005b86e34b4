package dev.vidrio.server.window;

import dev.vidrio.lens.page.Page;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Response;
import dev.vidrio.server.http.Route;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** The routes of the window, the server's web page. Its static files need no API key. */
public final class WindowRoutes {
  private static final String ROOT = "/";
  private static final String FOLDER = "/window/";

  /** The content security policy: the page loads and sends only from and to this server. */
  private static final String POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src"
          + " 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  private static final Map<String, String> TYPES =
      Map.of(
          "html", "text/html; charset=utf-8",
          "css", "text/css; charset=utf-8",
          "js", "text/javascript; charset=utf-8",
          "svg", "image/svg+xml");

  private static final List<String> OWN =
      List.of(
          "window.css",
          "icon.svg",
          "answer.js",
          "api.js",
          "chat.js",
          "controls.js",
          "conversation.js",
          "edits.js",
          "explore.js",
          "export.js",
          "glass.js",
          "markdown.js",
          "patching.js",
          "share.js",
          "store.js",
          "tokens.js",
          "window.js");

  private static final Map<String, byte[]> FILES = files();

  private WindowRoutes() {}

  private static Map<String, byte[]> files() {
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put(ROOT, resource("window.html"));
    files.put(FOLDER + "page.css", bytes(Page.style()));
    files.put(FOLDER + "pictures.js", bytes(Page.pictureScript()));
    OWN.forEach(name -> files.put(FOLDER + name, resource(name)));
    return files;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] resource(String name) {
    try (InputStream in =
        Objects.requireNonNull(WindowRoutes.class.getResourceAsStream(name), name)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(name, e);
    }
  }

  /** Returns the routes. */
  public static List<Route> routes() {
    return FILES.keySet().stream().map(path -> Route.open(path, WindowRoutes::answer)).toList();
  }

  private static void answer(Exchange exchange) throws IOException {
    byte[] file = Objects.requireNonNull(FILES.get(exchange.path()));
    String name = exchange.path().equals(ROOT) ? "window.html" : exchange.path();
    String type = Objects.requireNonNull(TYPES.get(name.substring(name.lastIndexOf('.') + 1)));
    Response response = exchange.response();
    response.header("Content-Security-Policy", POLICY);
    response.header("X-Content-Type-Options", "nosniff");
    response.header("Referrer-Policy", "no-referrer");
    response.header("Cache-Control", "no-cache");
    response.finish(200, type, file);
  }
}
