package dev.vidrio.server.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.server.testserver.RawClient;
import dev.vidrio.server.testserver.TestServer;
import java.io.IOException;
import java.net.URI;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Web pages of other hosts, also after DNS rebinding. */
@Timeout(60)
class OriginTest {
  private static final String BODY = "{\"model\":\"parrot\",\"prompt\":\"x:\"}";
  private static final String JSON =
      "Content-Type: application/json\r\nContent-Length: " + BODY.length() + "\r\n";

  @RegisterExtension static final TestServer server = TestServer.forAll();

  /** Returns the status of a response. */
  private static String status(TestServer asked, String request, String headers, String body)
      throws IOException {
    try (RawClient client =
        new RawClient(URI.create("http://127.0.0.1:" + asked.server().uri().getPort()))) {
      client.send(request + " HTTP/1.1\r\n" + headers + "Connection: close\r\n\r\n" + body);
      return client.readAll().split(" ", 3)[1];
    }
  }

  private static String get(TestServer asked, String path, String host) throws IOException {
    return status(asked, "GET " + path, "Host: " + host + "\r\n", "");
  }

  /** Browsers send the origin with a POST. */
  @ParameterizedTest
  @ValueSource(strings = {"evil.example", "evil.example:8080", "localhost.evil.example"})
  void rejectsForeignOrigins(String host) throws IOException {
    String origin = "Origin: http://" + host + "\r\n" + JSON;
    String post = "POST /v1/completions";
    assertEquals("403", status(server, post, "Host: " + host + "\r\n" + origin, BODY));
    assertEquals("403", status(server, post, "Host: localhost:8080\r\n" + origin, BODY));
    // Not a web page: no origin.
    assertEquals("200", status(server, post, "Host: " + host + "\r\n" + JSON, BODY));
  }

  @ParameterizedTest
  @ValueSource(strings = {"null", "file://", "chrome-extension://abc", "https://evil.example"})
  void rejectsOtherOrigins(String origin) throws IOException {
    String headers = "Host: 127.0.0.1:8080\r\nOrigin: " + origin + "\r\n" + JSON;
    assertEquals("403", status(server, "POST /v1/completions", headers, BODY));
    assertEquals("403", status(server, "GET /v1/models", headers.split("Content", 2)[0], ""));
  }

  @ParameterizedTest
  @ValueSource(strings = {"http://localhost:3000", "http://127.0.0.1:8080", "https://[::1]:8080"})
  void acceptsLocalOrigins(String origin) throws IOException {
    String headers = "Host: localhost:8080\r\nOrigin: " + origin + "\r\n" + JSON;
    assertEquals("200", status(server, "POST /v1/completions", headers, BODY));
  }

  @Test
  void acceptsConfiguredOrigins() throws IOException {
    String page = "https://app.example";
    String headers = "Host: localhost:8080\r\nOrigin: " + page + "\r\n" + JSON;
    try (TestServer open = TestServer.start(options -> options.withOrigins(List.of(page)))) {
      assertEquals("200", status(open, "POST /v1/completions", headers, BODY));
    }
  }

  /** Browsers send no origin with a same-origin GET, so the host is checked. */
  @ParameterizedTest
  @ValueSource(strings = {"evil.example", "evil.example:8080", "127.0.0.1.evil.example"})
  void rejectsForeignHosts(String host) throws IOException {
    for (String path : List.of("/v1/models", "/v1/models/parrot", "/metrics")) {
      assertEquals("403", get(server, path, host), path);
      assertEquals("403", status(server, "HEAD " + path, "Host: " + host + "\r\n", ""), path);
    }
    // Public routes.
    for (String path : List.of("/health", "/")) {
      assertEquals("200", get(server, path, host), path);
    }
    for (String own : List.of("localhost", "LocalHost:80", "127.0.0.1:8080", "[::1]:8080")) {
      assertEquals("200", get(server, "/v1/models", own), own);
    }
  }

  /** A server that listens on all addresses does not know its names. */
  @Test
  void acceptsAnyHostOnAllAddresses() throws IOException {
    try (TestServer open = TestServer.start(options -> options.withAddress("0.0.0.0", 0))) {
      assertEquals("200", get(open, "/v1/models", "models.example"));
    }
  }

  /** A response repeats the names of header fields that a page asks for, but nothing else. */
  @Test
  void repeatsOnlyNamesOfHeaderFields() throws IOException {
    String page = "https://app.example";
    String asked = "Origin: " + page + "\r\nAccess-Control-Request-Headers: ";
    try (TestServer open = TestServer.start(options -> options.withOrigins(List.of(page)))) {
      assertTrue(preflight(open, asked + "x-a, content-type").contains("headers: x-a, content"));
      for (String value : List.of("a\0b", "a\u001bb", "a\u009bb", "<a>", "a:b")) {
        String response = preflight(open, asked + value);
        assertTrue(response.startsWith("HTTP/1.1 204"), response);
        assertFalse(response.contains("allow-headers"), response);
      }
    }
  }

  private static String preflight(TestServer asked, String headers) throws IOException {
    try (RawClient client = new RawClient(asked.server().uri())) {
      client.send("OPTIONS /v1/models HTTP/1.1\r\n" + headers + "\r\nConnection: close\r\n\r\n");
      return client.readAll();
    }
  }
}
