package dev.vidrio.server;

import dev.vidrio.model.Model;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.function.Consumer;

/** The examples of the Javadoc. */
final class ServerExamples {
  private ServerExamples() {}

  static void start(Path file, Consumer<URI> client) throws IOException {
    // @start region="start"
    ServerOptions options = ServerOptions.DEFAULT.withAddress("127.0.0.1", 0);
    try (Server server = Server.start(options, new ModelSource("bard", () -> Model.open(file)))) {
      client.accept(server.uri()); // POST /v1/completions and the others
    }
    // @end
  }
}
