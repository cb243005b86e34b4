package dev.vidrio.server.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.server.testserver.RawClient;
import dev.vidrio.server.testserver.TestServer;
import java.io.IOException;
import java.net.SocketException;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Requests with an end that a proxy and the server could read differently (RFC 9112, sections 6 and
 * 11.2). Each is followed by a request that would then be hidden from the proxy, so that the server
 * must not respond to it.
 */
@Timeout(60)
class SmugglingTest {
  private static final String POST = "POST /tokenize HTTP/1.1\r\nHost: localhost\r\n";
  private static final String HIDDEN =
      "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  private static final String BODY = "{\"model\":\"bard\",\"text\":\"a\"}";

  private static final Pattern STATUS = Pattern.compile("HTTP/1\\.1 (\\d+)");

  @RegisterExtension static final TestServer server = TestServer.forAll();

  /** Returns the statuses of all responses on a connection; none if it is reset. */
  private static List<String> statuses(String requests) throws IOException {
    try (var client = new RawClient(server.server().uri())) {
      client.send(requests);
      return STATUS.matcher(client.readAll()).results().map(match -> match.group(1)).toList();
    } catch (SocketException reset) {
      return List.of();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Content-Length: 0\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5, 5",
        "Content-Length: 5 0",
        "Content-Length: +5",
        "Content-Length: -5",
        "Content-Length: 0x5",
        "Content-Length: 18446744073709551621",
        "Content-Length : 5",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: xchunked",
      })
  void rejectsAmbiguousLengths(String headers) throws IOException {
    List<String> statuses = statuses(POST + headers + "\r\n\r\n0\r\n\r\n" + HIDDEN);
    assertTrue(List.of("400", "501").contains(String.join(" ", statuses)), statuses::toString);
  }

  /** Sizes that are invalid, or small only modulo 2^32 or 2^64. */
  @ParameterizedTest
  @ValueSource(
      strings = {"10000001b", "1000000000000001b", "-1", "+1b", "0x1b", "1b 1b", "zz", "80000000"})
  void readsNothingAfterInvalidChunks(String size) throws IOException {
    String headers = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    String chunks = size + "\r\n" + BODY + "\r\n0\r\n\r\n";
    int responses = statuses(POST + headers + chunks + HIDDEN).size();
    assertTrue(responses <= 1, () -> responses + " responses");
  }

  /** A header field after a single LF, which the JDK's server reads as part of the request line. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "POST /tokenize HTTP/1.1\nContent-Length:5",
        "POST /tokenize HTTP/1.1\nContent-Length: 5",
        "POST /tokenize HTTP/1.1\rContent-Length: 5",
        "POST /tokenize HTTP/2.0",
        "POST /tokenize http/1.1",
        "POST /tokenize HTTP/1.1 ",
        "\nPOST /tokenize HTTP/1.1",
        "PO,ST /tokenize HTTP/1.1",
      })
  void rejectsMalformedRequestLines(String line) throws IOException {
    assertEquals(List.of("400"), statuses(line + "\r\nHost: localhost\r\n\r\n" + HIDDEN));
  }

  @Test
  void readsChunksAndCloses() throws IOException {
    String headers = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    assertEquals(
        List.of("200"), statuses(POST + headers + "1b\r\n" + BODY + "\r\n0\r\n\r\n" + HIDDEN));
  }

  @Test
  void readsRequestAfterLength() throws IOException {
    String headers = "Content-Type: application/json\r\nContent-Length: 27\r\n\r\n";
    assertEquals(List.of("200", "200"), statuses(POST + headers + BODY + HIDDEN));
  }

  /** The limits that {@code Server} sets. */
  @Test
  void limitsHeaders() throws IOException {
    String many =
        IntStream.range(0, 101).mapToObj(i -> "A-" + i + ": b\r\n").collect(Collectors.joining());
    String large = "A: " + "b".repeat(40_000) + "\r\n";
    for (String headers : List.of(many, large)) {
      assertEquals(List.of(), statuses("GET /health HTTP/1.1\r\n" + headers + "\r\n" + HIDDEN));
    }
  }
}
