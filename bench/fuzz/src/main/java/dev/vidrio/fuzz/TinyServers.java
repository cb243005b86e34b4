package dev.vidrio.fuzz;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.server.ModelSource;
import dev.vidrio.server.Server;
import dev.vidrio.server.ServerLimits;
import dev.vidrio.server.ServerOptions;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/** A tiny model in memory, and servers of it that are started when they are needed. */
final class TinyServers {
  /** The name of the model. */
  static final String MODEL = "tiny";

  /** The key and the origin that the closed server accepts. */
  static final String KEY = "sesame";

  static final String ORIGIN = "http://page.example";

  /** The maximum size of a body. */
  static final int BODY_LIMIT = 4096;

  /** Small limits, and no heartbeats, which would come earlier than an error. */
  private static final ServerLimits LIMITS =
      ServerLimits.DEFAULT
          .withBodyBytes(BODY_LIMIT)
          .withRequests(16)
          .withTokens(2)
          .withHeartbeat(Duration.ofDays(1));

  private static final byte[] FILE =
      TinyModel.chatWriter().uint32("llama.context_length", 128).toBytes();

  private TinyServers() {}

  /** A server without keys. */
  private static final class Open {
    static final Server SERVER = start(ServerOptions.DEFAULT);
  }

  /** A server that requires a key. */
  private static final class Closed {
    static final Server SERVER =
        start(ServerOptions.DEFAULT.withApiKeys(List.of(KEY)).withOrigins(List.of(ORIGIN)));
  }

  /** Returns a server without keys. */
  static Server open() {
    return Open.SERVER;
  }

  /** Returns a server that requires {@link #KEY} and allows {@link #ORIGIN}. */
  static Server closed() {
    return Closed.SERVER;
  }

  /** Opens the model. */
  static Model model(Supplier<Executor> executor) {
    return Model.read(
        "tiny.gguf", new ByteArrayInputStream(FILE), FILE.length, ModelOptions.with(executor));
  }

  /** Returns the options of an engine for short requests, one at a time. */
  static EngineOptions engine() {
    return EngineOptions.DEFAULT.withSequences(4).withContext(128);
  }

  /** Starts a server on a daemon thread, so that the threads of the JDK's server are daemons. */
  private static Server start(ServerOptions options) {
    ServerAnswer.listen();
    ServerOptions small =
        options.withAddress("127.0.0.1", 0).withLimits(LIMITS).withEngine(engine());
    var source = new ModelSource(MODEL, () -> model(() -> JavaExecutor.scalar(1)));
    var started = new CompletableFuture<Server>();
    var _ =
        Thread.ofPlatform()
            .daemon()
            .start(
                () -> {
                  try {
                    started.complete(Server.start(small, source));
                  } catch (IOException e) {
                    started.completeExceptionally(new UncheckedIOException(e));
                  } catch (RuntimeException | Error e) {
                    started.completeExceptionally(e);
                  }
                });
    return started.join();
  }
}
