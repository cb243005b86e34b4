package dev.vidrio.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import org.junit.jupiter.api.Test;

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
}
