package dev.vidrio.server.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.vidrio.server.testserver.RawClient;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A write that ends just after its timeout: the next one must not block forever. */
@Timeout(60)
class SlowClientTest {
  private static final Duration DAY = Duration.ofDays(1);

  /** Makes the monitor time out each write after its bytes were sent. */
  private static void writeLate(HttpExchange http, Response response) {
    OutputStream out = http.getResponseBody();
    http.setStreams(
        null,
        new FilterOutputStream(out) {
          @Override
          public void write(byte[] bytes, int from, int length) throws IOException {
            out.write(bytes, from, length);
          }

          @Override
          public void flush() throws IOException {
            out.flush();
            response.check(System.nanoTime() + 2 * DAY.toNanos(), DAY, DAY);
          }
        });
  }

  private static boolean isAborted(HttpExchange http, ResponseMonitor monitor) throws IOException {
    var disconnects = new AtomicInteger();
    var response = new Response(http, monitor);
    writeLate(http, response);
    response.startHeartbeats("text/plain", new byte[] {' '}, disconnects::incrementAndGet);
    response.send(new byte[] {'a'}, true);
    assertFalse(Thread.currentThread().isInterrupted());
    assertThrows(IOException.class, () -> response.send(new byte[] {'b'}, true));
    assertEquals(1, disconnects.get());
    return response.isDisconnected();
  }

  @Test
  void abortsWritesAfterTimeout() throws Exception {
    var aborted = new CompletableFuture<Boolean>();
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 8);
    try (var monitor = new ResponseMonitor(DAY, DAY)) {
      server.createContext(
          "/",
          http -> {
            try (http) {
              aborted.complete(isAborted(http, monitor));
            } catch (Throwable e) {
              aborted.completeExceptionally(e);
            }
          });
      server.start();
      URI uri = URI.create("http://127.0.0.1:" + server.getAddress().getPort());
      try (var client = new RawClient(uri)) {
        client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assertTrue(aborted.get());
      }
    } finally {
      server.stop(0);
    }
  }
}
