package dev.vidrio.hub;

import static dev.vidrio.hub.HubFixture.FILE;
import static dev.vidrio.hub.HubFixture.SHA256;
import static dev.vidrio.hub.HubFixture.SOURCE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelStoreException;
import dev.vidrio.hub.source.ProgressListener;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HttpConnectionTest {

  private static final String ETAG = "\"one\"";

  @TempDir Path directory;

  @Test
  void followsRedirectOnSameServer() throws Exception {
    try (FileServer server =
        new FileServer(
            (x, n) -> {
              if (n == 0) {
                x.getResponseHeaders().set("Location", "/new/place");
                x.getResponseHeaders().set("X-Linked-Size", "" + FILE.length);
                x.getResponseHeaders().set("X-Linked-ETag", "\"" + SHA256 + "\"");
                FileServer.status(x, 302);
              } else {
                assertEquals("/new/place", x.getRequestURI().getPath());
                FileServer.serve(x, FILE, ETAG);
              }
            })) {
      assertArrayEquals(FILE, Files.readAllBytes(pull(server)));
    }
  }

  @Test
  void rejectsRedirectToOtherHttpHost() throws Exception {
    try (FileServer other = new FileServer((x, n) -> FileServer.serve(x, FILE, ETAG));
        FileServer server =
            new FileServer(
                (x, n) -> {
                  x.getResponseHeaders().set("Location", other.uri() + "/f");
                  FileServer.status(x, 302);
                })) {
      assertTrue(failure(server).fault().contains("only https is followed"));
      assertEquals(0, other.requests().size());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"http://[", "file:///etc/passwd", "//", "ftp://example.org/f"})
  void rejectsHostileRedirects(String location) throws Exception {
    try (FileServer server =
        new FileServer(
            (x, n) -> {
              x.getResponseHeaders().set("Location", location);
              FileServer.status(x, 302);
            })) {
      assertTrue(failure(server).fault().contains("redirects to"));
      assertEquals(1, server.requests().size());
    }
  }

  @Test
  void limitsRedirects() throws Exception {
    try (FileServer server =
        new FileServer(
            (x, n) -> {
              x.getResponseHeaders().set("Location", "/again");
              FileServer.status(x, 307);
            })) {
      assertTrue(failure(server).fault().contains("redirects"));
      assertEquals(11, server.requests().size());
    }
  }

  @Test
  void detectsReplacedFileByHeaders() throws Exception {
    try (FileServer server =
        new FileServer(
            (x, n) -> {
              x.getResponseHeaders().set("X-Linked-ETag", "\"" + "1".repeat(64) + "\"");
              FileServer.serve(x, FILE, ETAG);
            })) {
      assertTrue(failure(server).fault().contains("it has been replaced"));
    }
  }

  @ParameterizedTest
  @CsvSource({"true", "false"})
  void verifiesUnlistedFileByHeaders(boolean right) throws Exception {
    String announced = right ? SHA256 : "1".repeat(64);
    try (FileServer server =
        new FileServer(
            (x, n) -> {
              x.getResponseHeaders().set("X-Linked-Size", "" + FILE.length);
              x.getResponseHeaders().set("X-Linked-ETag", "\"" + announced + "\"");
              FileServer.serve(x, FILE, ETAG);
            })) {
      ModelStore store = HubFixture.store(directory, server.uri()).build();
      if (right) {
        Path path = store.pull(HubFixture.huggingFace(), ProgressListener.SILENT);
        assertEquals(directory.resolve("hf/owner/repo/main/tiny.gguf"), path);
        assertEquals(Optional.of(SHA256), store.list().getFirst().sha256());
      } else {
        ModelStoreException e =
            assertThrows(
                ModelStoreException.class,
                () -> store.pull(HubFixture.huggingFace(), ProgressListener.SILENT));
        assertTrue(e.fault().contains(announced) && e.fault().contains(SHA256), e.fault());
        assertEquals(List.of(), store.list());
      }
    }
  }

  private Path pull(FileServer server) throws InterruptedException {
    return HubFixture.store(directory, server.uri())
        .build()
        .pull(HubFixture.named(SOURCE), ProgressListener.SILENT);
  }

  private ModelStoreException failure(FileServer server) {
    return assertThrows(ModelStoreException.class, () -> pull(server));
  }
}
