package dev.vidrio.server.window;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.server.testserver.TestServer;
import java.net.http.HttpResponse;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The files of the window; `.ci/pages` opens it in a browser. */
class WindowRoutesTest {
  /** A file that the page or a script names. */
  private static final Pattern LINK =
      Pattern.compile("(?:src|href)=\"/window/([^\"]*)\"|from '\\./([^']*)'");

  @Test
  void servesPageAndItsFilesWithoutKey() {
    try (TestServer server = TestServer.start(options -> options.withApiKeys(List.of("one")))) {
      HttpResponse<String> page = server.get("/");
      assertEquals(200, page.statusCode());
      assertEquals("text/html; charset=utf-8", header(page, "content-type"));
      var seen = new TreeSet<String>();
      Deque<String> names = new ArrayDeque<>(links(page.body()));
      while (!names.isEmpty()) {
        String name = names.pop();
        if (seen.add("/window/" + name)) {
          HttpResponse<String> file = server.get("/window/" + name);
          assertEquals(200, file.statusCode(), name);
          assertTrue(header(file, "content-security-policy").startsWith("default-src 'none'; "));
          assertEquals("nosniff", header(file, "x-content-type-options"));
          assertFalse(file.body().isEmpty());
          names.addAll(links(file.body()));
        }
      }
      var served = new TreeSet<String>();
      WindowRoutes.routes().forEach(route -> served.add(route.path()));
      served.remove("/");
      assertEquals(served, seen);
      assertEquals(
          "text/javascript; charset=utf-8",
          header(server.get("/window/pictures.js"), "content-type"));
      assertEquals(401, server.get("/window/").statusCode());
      assertEquals(401, server.get("/window/window.html").statusCode());
      assertEquals(401, server.get("/v1/models").statusCode());
    }
  }

  private static List<String> links(String text) {
    return LINK.matcher(text)
        .results()
        .map(link -> link.group(1) == null ? link.group(2) : link.group(1))
        .toList();
  }

  private static String header(HttpResponse<String> response, String name) {
    return response.headers().firstValue(name).orElse("");
  }

  @Test
  void servesNothingElseAtTheRoot() {
    try (TestServer server = TestServer.start()) {
      assertEquals("404 not_found - path /x not found", TestServer.error(server.get("/x")));
      assertEquals(
          "404 not_found - path /window/../window.html not found",
          TestServer.error(server.get("/window/../window.html")));
      assertEquals(405, server.post("/", "{}").statusCode());
    }
  }
}
