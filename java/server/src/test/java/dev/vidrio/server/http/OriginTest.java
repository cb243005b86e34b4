package dev.vidrio.server.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

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

/** A page whose name was made to lead to this machine is not this machine's. */
@Timeout(60)
class OriginTest {
  private static final String BODY = "{\"model\":\"parrot\",\"prompt\":\"x:\"}";
  private static final String JSON =
      "Content-Type: application/json\r\nContent-Length: " + BODY.length() + "\r\n";

  @RegisterExtension static final TestServer server = TestServer.forAll();

  /** The status of an answer. */
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

  /** Browsers tell the origin where a page posts. */
  @ParameterizedTest
  @ValueSource(strings = {"evil.example", "evil.example:8080", "localhost.evil.example"})
  void postNothing(String host) throws IOException {
    String origin = "Origin: http://" + host + "\r\n" + JSON;
    String post = "POST /v1/completions";
    assertEquals("403", status(server, post, "Host: " + host + "\r\n" + origin, BODY));
    assertEquals("200", status(server, post, "Host: localhost:8080\r\n" + origin, BODY));
    // A program, not a page, by a name of this machine's.
    assertEquals("200", status(server, post, "Host: " + host + "\r\n" + JSON, BODY));
  }

  /** They do not where it gets what is, for the browser, its own. */
  @ParameterizedTest
  @ValueSource(strings = {"evil.example", "evil.example:8080", "127.0.0.1.evil.example"})
  void getNothing(String host) throws IOException {
    for (String path : List.of("/v1/models", "/v1/models/parrot", "/metrics")) {
      assertEquals("403", get(server, path, host), path);
      assertEquals("403", status(server, "HEAD " + path, "Host: " + host + "\r\n", ""), path);
    }
    // They tell nothing.
    for (String path : List.of("/health", "/")) {
      assertEquals("200", get(server, path, host), path);
    }
    for (String own : List.of("localhost", "LocalHost:80", "127.0.0.1:8080", "[::1]:8080")) {
      assertEquals("200", get(server, "/v1/models", own), own);
    }
  }

  /** Who listens for other machines is known to them by names that it does not know itself. */
  @Test
  void otherMachinesMayGet() throws IOException {
    try (TestServer open = TestServer.start(options -> options.withAddress("0.0.0.0", 0))) {
      assertEquals("200", get(open, "/v1/models", "models.example"));
    }
  }
}
