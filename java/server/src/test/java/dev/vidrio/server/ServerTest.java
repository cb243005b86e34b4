package dev.vidrio.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.model.InvalidInputException;
import dev.vidrio.server.testserver.TestServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import org.junit.jupiter.api.Test;

/** Servers that do not start. */
class ServerTest {
  private static int freePort() throws IOException {
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  @Test
  void aServerThatCannotStartGivesBackItsAddress() throws IOException {
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

  @Test
  void aServerThatDoesNotStartLeavesItsPort() throws IOException {
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
