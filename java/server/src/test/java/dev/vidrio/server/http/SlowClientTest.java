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

/** A write that ends just when its time has: the next one must not wait for ever. */
@Timeout(60)
class SlowClientTest {
  private static final Duration DAY = Duration.ofDays(1);

  /** Has the watch find each write late, when its bytes have gone. */
  private static void writeLate(HttpExchange http, Response reply) {
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
            reply.check(System.nanoTime() + 2 * DAY.toNanos(), DAY, DAY);
          }
        });
  }

  private static boolean isRefused(HttpExchange http, ResponseMonitor watch) throws IOException {
    var gone = new AtomicInteger();
    var reply = new Response(http, watch);
    writeLate(http, reply);
    reply.whileWaiting("text/plain", new byte[] {' '}, gone::incrementAndGet);
    reply.write(new byte[] {'a'}, 1);
    assertFalse(Thread.currentThread().isInterrupted());
    assertThrows(IOException.class, () -> reply.write(new byte[] {'b'}, 1));
    assertEquals(1, gone.get());
    return reply.isGone();
  }

  @Test
  void nothingIsWrittenToWhoWasCutOff() throws Exception {
    var refused = new CompletableFuture<Boolean>();
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 8);
    try (var watch = new ResponseMonitor(DAY, DAY)) {
      server.createContext(
          "/",
          http -> {
            try (http) {
              refused.complete(isRefused(http, watch));
            } catch (Throwable e) {
              refused.completeExceptionally(e);
            }
          });
      server.start();
      URI uri = URI.create("http://127.0.0.1:" + server.getAddress().getPort());
      try (var client = new RawClient(uri)) {
        client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assertTrue(refused.get());
      }
    } finally {
      server.stop(0);
    }
  }
}
