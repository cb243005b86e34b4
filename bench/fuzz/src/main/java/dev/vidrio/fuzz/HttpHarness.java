package dev.vidrio.fuzz;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.vidrio.engine.EngineStatus;
import dev.vidrio.server.Server;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * Sends bytes to a server over a connection of its own and ends the sending direction. The server
 * answers with complete responses, none with 500, and closes the connection; how many, {@link
 * HttpReading} decides. Another connection is then answered, and no sequence is left in the engine.
 *
 * <p>The first byte selects the server: with {@code k}, it requires a key and has an allowed
 * origin.
 */
public final class HttpHarness {
  private static final int TIMEOUT_MILLIS = 30_000;
  private static final byte[] PROBE =
      "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(UTF_8);

  /** The bytes that a connection received, as ISO 8859-1. */
  private record Received(String bytes, boolean isBroken) {}

  private HttpHarness() {}

  /** Starts the servers before the first input, since its time is limited. */
  public static void fuzzerInitialize() {
    run(TinyServers.open(), PROBE);
    run(TinyServers.closed(), PROBE);
  }

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    if (data.length > 0) {
      Server server = data[0] == 'k' ? TinyServers.closed() : TinyServers.open();
      run(server, Arrays.copyOfRange(data, 1, data.length));
    }
  }

  private static void run(Server server, byte[] requests) {
    HttpReading reading = HttpReading.of(requests, TinyServers.BODY_LIMIT);
    Received received = exchange(server, requests);
    List<HttpResponse> responses = HttpResponse.readAll(received.bytes, received.isBroken);
    int count = responses.size();
    Oracle.require(count <= reading.most(), count + " responses, at most " + reading.most());
    Oracle.require(
        count >= reading.least() || received.isBroken,
        count + " responses, at least " + reading.least());
    responses.forEach(
        each ->
            ServerAnswer.require(
                each.status(), each.fields().get("content-type"), each.body(), requests));
    for (int probe : reading.probes()) {
      Oracle.require(
          probe >= count || responses.get(probe).status() == 200, "probe " + probe + " fails");
    }
    requireHealthy(server);
    requireIdle(server);
  }

  /** Sends bytes and reads until the server closes the connection. */
  private static Received exchange(Server server, byte[] requests) {
    var bytes = new ByteArrayOutputStream();
    boolean isBroken = false;
    try (Socket socket = new Socket()) {
      socket.setSoTimeout(TIMEOUT_MILLIS);
      socket.setTcpNoDelay(true);
      socket.connect(
          new InetSocketAddress(server.uri().getHost(), server.uri().getPort()), TIMEOUT_MILLIS);
      socket.getOutputStream().write(requests);
      socket.shutdownOutput();
      var _ = socket.getInputStream().transferTo(bytes);
    } catch (SocketException e) {
      isBroken = true; // The server closes a connection before it has read all bytes.
    } catch (SocketTimeoutException e) {
      throw new AssertionError("neither answered nor closed, after " + bytes, e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new Received(bytes.toString(ISO_8859_1), isBroken);
  }

  private static void requireHealthy(Server server) {
    Received received = exchange(server, PROBE);
    List<HttpResponse> responses = HttpResponse.readAll(received.bytes, false);
    Oracle.requireEqual(1, responses.size(), "responses of a probe");
    Oracle.requireEqual(200, responses.getFirst().status(), "status of a probe");
  }

  /** Waits until the engine has no request, and requires all blocks to be free or cached. */
  private static void requireIdle(Server server) {
    long end = System.nanoTime() + TIMEOUT_MILLIS * 1_000_000L;
    while (!server.status(TinyServers.MODEL).map(HttpHarness::isIdle).orElse(true)) {
      Oracle.require(System.nanoTime() - end < 0, "not idle: " + server.status(TinyServers.MODEL));
      LockSupport.parkNanos(20_000);
    }
  }

  private static boolean isIdle(EngineStatus status) {
    return status.running() == 0 && status.waiting() == 0 && status.usedBlocks() == 0;
  }

  /** Returns connections with requests of every route. */
  public static List<byte[]> seeds() {
    return HttpSeeds.all();
  }
}
