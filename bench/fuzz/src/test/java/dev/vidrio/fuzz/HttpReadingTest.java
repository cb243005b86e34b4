package dev.vidrio.fuzz;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HttpReadingTest {
  private static final String NEXT = "GET /health HTTP/1.1\r\n\r\n";

  private static HttpReading reading(String head) {
    String text = head.replace("|", "\r\n") + NEXT;
    return HttpReading.of(text.getBytes(ISO_8859_1), 10);
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      value = {
        "GET /health HTTP/1.1||, 2, 2",
        "||GET /a?b HTTP/1.1||, 0, 2",
        "POST /a HTTP/1.1|Content-Length: 3||abc, 2, 2",
        "POST /a HTTP/1.1|Content-Length: 11||01234567890, 1, 2",
        "POST /a HTTP/1.1|Content-Length: 99||, 0, 1",
        "POST /a HTTP/1.1|Content-Length: +3||abc, 0, 1",
        "POST /a HTTP/1.1|Content-Length: 3|Content-Length: 3||abc, 0, 1",
        "POST /a HTTP/1.1|Transfer-Encoding: chunked||0||, 0, 1",
        "GET /a HTTP/1.1|Connection: close||, 1, 1",
        "GET /a HTTP/1.0||, 1, 1",
        "GET /a HTTP/2.0||, 0, 1",
        "GET /a||, 0, 1",
        "GET /a HTTP/1.1|a b: c||, 0, 2147483647",
      })
  void countsResponses(String head, int least, int most) {
    HttpReading reading = reading(head);
    assertEquals(least, reading.least());
    assertEquals(most, reading.most());
  }

  @Test
  void findsProbes() {
    assertEquals(List.of(0, 1), reading("GET /health HTTP/1.1||").probes());
    assertEquals(List.of(1), reading("GET /a HTTP/1.1||").probes());
  }

  @Test
  void readsResponses() {
    String text =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-length: 2\r\n\r\nab"
            + "HTTP/1.1 204 No Content\r\n\r\n"
            + "HTTP/1.1 200 OK\r\nTransfer-encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n";
    List<HttpResponse> responses = HttpResponse.readAll(text, false);
    assertEquals(List.of(200, 204, 200), responses.stream().map(HttpResponse::status).toList());
    assertEquals("c", responses.getLast().body());
    String cut = text.substring(0, text.length() - 1);
    assertThrows(AssertionError.class, () -> HttpResponse.readAll(cut, false));
    assertEquals(2, HttpResponse.readAll(cut, true).size());
  }
}
