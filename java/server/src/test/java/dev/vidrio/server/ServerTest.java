package dev.vidrio.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.testfiles.HeldExecutor;
import dev.vidrio.server.testserver.RawClient;
import dev.vidrio.server.testserver.TestServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Start, loading and shutdown of servers. */
class ServerTest {
  private static int freePort() throws IOException {
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  @Test
  void exampleRuns() throws IOException {
    List<URI> uris = new ArrayList<>();
    ServerExamples.start(BardFiles.q8(), uris::add);
    assertEquals("http", uris.getFirst().getScheme());
  }

  @Test
  void releasesPortIfOptionsAreRejected() throws IOException {
    ServerOptions options = ServerOptions.DEFAULT.withAddress("127.0.0.1", freePort());
    ModelSource broken =
        new ModelSource(
            "m",
            () -> {
              throw new IllegalStateException("broken");
            });
    for (int attempt = 0; attempt < 2; attempt++) {
      var e = assertThrows(IllegalStateException.class, () -> Server.start(options, broken));
      assertEquals("broken", e.getMessage());
    }
  }

  /** Probes report loading; requests wait for the model. */
  @Test
  @Timeout(60)
  void reportsLoading() throws Exception {
    int port = freePort();
    ServerOptions options = ServerOptions.DEFAULT.withAddress("127.0.0.1", port);
    var begun = new CountDownLatch(1);
    var mayLoad = new CountDownLatch(1);
    var slow =
        new ModelSource(
            "slow",
            () -> {
              begun.countDown();
              await(mayLoad);
              return TestServer.parrot();
            });
    try (HttpClient client = HttpClient.newHttpClient()) {
      URI uri = URI.create("http://127.0.0.1:" + port);
      var start = new FutureTask<>(() -> Server.start(options, slow));
      Thread.startVirtualThread(start);
      begun.await();
      assertEquals("503 {\"status\":\"loading\"}", get(client, uri.resolve("/ready")));
      assertEquals("200 {\"status\":\"ok\"}", get(client, uri.resolve("/health")));
      HttpRequest ask =
          HttpRequest.newBuilder(uri.resolve("/tokenize"))
              .header("Content-Type", "application/json")
              .POST(BodyPublishers.ofString("{\"model\":\"slow\",\"text\":\"on\"}"))
              .build();
      CompletableFuture<HttpResponse<String>> asked =
          client.sendAsync(ask, BodyHandlers.ofString());
      mayLoad.countDown();
      try (Server server = start.get()) {
        assertEquals(200, asked.get().statusCode());
        assertEquals("200 {\"status\":\"ready\"}", get(client, server.uri().resolve("/ready")));
      }
    }
  }

  /** Clients could mistake a cut answer for a complete one. */
  @ParameterizedTest
  @CsvSource({"true,1", "true,4", "false,4"})
  @Timeout(60)
  void reportsAnswersCutByShutdown(boolean stream, int n) throws Exception {
    var steps = new HeldExecutor();
    TestServer server = TestServer.start(steps, options -> options);
    try (RawClient client = new RawClient(server.server().uri())) {
      steps.hold(3);
      client.post(
          "/v1/completions",
          "{'model':'bard','prompt':'To be','max_tokens':200,'ignore_eos':true,'n':"
              + n
              + ",'stream':"
              + stream
              + "}");
      steps.awaitHeld();
      server.close();
      String answer = client.readAll();
      assertTrue(answer.startsWith(stream ? "HTTP/1.1 200" : "HTTP/1.1 503"), answer);
      assertTrue(answer.contains("\"message\":\"the server is shutting down\""), answer);
      assertFalse(answer.contains("[DONE]") || answer.contains("length\""), answer);
    }
  }

  /** The JDK's server has these limits, but not by default. */
  @Test
  void limitsConnections() throws IOException {
    ServerOptions options = ServerOptions.DEFAULT.withAddress("127.0.0.1", 0);
    try (Server _ = Server.start(options, new ModelSource("m", TestServer::parrot))) {
      assertEquals("4096", System.getProperty("jdk.httpserver.maxConnections"));
      assertEquals("30", System.getProperty("sun.net.httpserver.maxReqTime"));
      assertEquals("60", System.getProperty("sun.net.httpserver.idleInterval"));
      assertEquals("1024", System.getProperty("sun.net.httpserver.maxIdleConnections"));
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String get(HttpClient client, URI uri) throws Exception {
    HttpResponse<String> response =
        client.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
    return response.statusCode() + " " + response.body();
  }

  @Test
  void reportsOutOfMemory() throws IOException {
    ServerOptions options = ServerOptions.DEFAULT.withAddress("127.0.0.1", freePort());
    var large =
        new ModelSource(
            "large",
            () -> {
              throw new OutOfMemoryError("made to fail");
            });
    for (int attempt = 0; attempt < 2; attempt++) {
      var e = assertThrows(OutOfMemoryError.class, () -> Server.start(options, large));
      assertEquals("made to fail", e.getMessage());
    }
  }

  @Test
  void releasesPortIfLoadingFails() throws IOException {
    int port = freePort();
    ServerOptions options = ServerOptions.DEFAULT.withAddress("127.0.0.1", port);
    var first = new ModelSource("first", TestServer::parrot);
    var broken =
        new ModelSource(
            "broken",
            () -> {
              throw new InvalidInputException("file", "x", "is missing");
            });
    assertThrows(InvalidInputException.class, () -> Server.start(options, first, first));
    assertThrows(InvalidInputException.class, () -> Server.start(options, broken));
    try (Server server = Server.start(options, first)) {
      assertEquals(port, server.uri().getPort());
    }
  }
}
