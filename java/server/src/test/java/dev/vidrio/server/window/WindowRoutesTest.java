package dev.vidrio.server.window;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.server.testserver.TestServer;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The files of the window; `.ci/pages` opens it in a browser. */
class WindowRoutesTest {
  private static final Pattern LINK = Pattern.compile("(?:src|href)=\"([^\"]*)\"");

  @Test
  void servesPageAndItsFilesWithoutKey() {
    try (TestServer server = TestServer.start(options -> options.withApiKeys(List.of("one")))) {
      HttpResponse<String> page = server.get("/");
      assertEquals(200, page.statusCode());
      assertEquals("text/html; charset=utf-8", header(page, "content-type"));
      var links = new TreeSet<String>();
      LINK.matcher(page.body()).results().forEach(link -> links.add(link.group(1)));
      assertEquals(9, links.size());
      for (String link : links) {
        HttpResponse<String> file = server.get(link);
        assertEquals(200, file.statusCode(), link);
        assertTrue(header(file, "content-security-policy").startsWith("default-src 'none'; "));
        assertEquals("nosniff", header(file, "x-content-type-options"));
        assertFalse(file.body().isEmpty());
      }
      assertEquals(
          "text/javascript; charset=utf-8", header(server.get("/window/dom.js"), "content-type"));
      assertEquals(401, server.get("/window/").statusCode());
      assertEquals(401, server.get("/window/window.html").statusCode());
      assertEquals(401, server.get("/v1/models").statusCode());
    }
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
