package dev.vidrio.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.server.testserver.TestServer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Options of servers. */
class ServerOptionsTest {
  private static final ServerOptions OPTIONS = ServerOptions.DEFAULT;

  @Test
  void acceptsIpv6AddressesWithBrackets() {
    assertEquals("::1", OPTIONS.withAddress("[::1]", 0).host());
    assertEquals("::1", OPTIONS.withAddress("::1", 0).host());
    assertEquals("127.0.0.1", OPTIONS.withAddress("127.0.0.1", 0).host());
  }

  @Test
  void rejectsInvalidOptions() {
    assertThrows(InvalidInputException.class, () -> OPTIONS.withAddress("::1", 65536));
    assertThrows(InvalidInputException.class, () -> OPTIONS.withApiKeys(List.of(" ")));
    assertThrows(InvalidInputException.class, () -> OPTIONS.withOrigins(List.of("*")));
    assertThrows(InvalidInputException.class, () -> new ModelSource("", TestServer::parrot));
    Path file = Path.of("a.gguf");
    assertThrows(InvalidInputException.class, () -> new AdapterSource(" ", file, 1));
    Duration negative = Duration.ofSeconds(-1);
    assertThrows(InvalidInputException.class, () -> OPTIONS.withKeepAlive(negative));
  }
}
