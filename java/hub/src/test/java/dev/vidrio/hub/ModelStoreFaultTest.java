package dev.vidrio.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelStoreException;
import dev.vidrio.formats.testfiles.FaultyFileSystem;
import dev.vidrio.formats.testfiles.FaultyFileSystem.Work;
import dev.vidrio.hub.source.ProgressListener;
import dev.vidrio.kernel.host.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Lets each operation on the files of a store fail in turn, as on a full or failing disk. Then an
 * error names the file and the reason, no model is stored in part, and the next pull succeeds.
 */
@Timeout(120)
class ModelStoreFaultTest {
  private static final byte[] FILE = Arrays.copyOf(HubFixture.FILE, 50_000);
  private static final String ETAG = "\"a\"";

  @TempDir Path directory;
  private final FaultyFileSystem files = new FaultyFileSystem();

  private static ModelReference reference(byte[] expected) {
    String sha256 = HexFormat.of().formatHex(Sha256.newDigest().digest(expected));
    return new ModelReference.Named(
        new CatalogEntry(
            "tiny",
            "random bytes",
            "CC0-1.0",
            "tiny.gguf",
            expected.length,
            sha256,
            List.of(HubFixture.SOURCE)));
  }

  private ModelStore store(FileServer server) {
    Path faulty = files.path(directory.resolve("store"));
    return HubFixture.store(faulty, server.uri()).build();
  }

  private Path model() {
    return directory.resolve("store/tiny.gguf");
  }

  private void clear() throws IOException {
    Path store = directory.resolve("store");
    if (Files.exists(store)) {
      try (Stream<Path> paths = Files.walk(store)) {
        for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }

  private void assertNamesFileAndReason(Exception e) {
    String fault = assertInstanceOf(ModelStoreException.class, e, e::toString).getMessage();
    assertTrue(fault.contains(directory.toString()), fault);
    // The JDK takes a directory with unreadable attributes for a file in the way.
    boolean reason = fault.contains(FaultyFileSystem.MESSAGE) || fault.contains("already exists");
    assertTrue(reason, fault);
  }

  private static void pull(ModelStore store, ModelReference reference) {
    try {
      var _ = store.pull(reference, ProgressListener.SILENT);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Pulls with each operation failing, and then again, after which only the model is there. */
  private void assertPulls(FileServer server, Work before) throws IOException {
    ModelStore store = store(server);
    int operations =
        files.failEach(
            before,
            () -> pull(store, reference(FILE)),
            this::assertNamesFileAndReason,
            () -> {
              if (Files.exists(model())) {
                assertArrayEquals(FILE, Files.readAllBytes(model()));
              }
              pull(store, reference(FILE));
              assertArrayEquals(FILE, Files.readAllBytes(model()));
              assertEquals(List.of("tiny.gguf", "tiny.gguf.json"), names());
              assertEquals(
                  Optional.of(model().toString()), store.find(reference(FILE)).map(Path::toString));
            });
    assertTrue(operations > 15, () -> operations + " operations");
  }

  private List<String> names() throws IOException {
    try (Stream<Path> paths = Files.walk(directory.resolve("store"), 1)) {
      return paths
          .filter(Files::isRegularFile)
          .map(path -> path.getFileName().toString())
          .sorted()
          .toList();
    }
  }

  @Test
  void pulls() throws IOException {
    try (FileServer server = new FileServer((x, n) -> FileServer.serve(x, FILE, ETAG))) {
      assertPulls(server, this::clear);
    }
  }

  @Test
  void resumesInterruptedDownloads() throws IOException {
    try (FileServer server = new FileServer((x, n) -> FileServer.serve(x, FILE, ETAG))) {
      assertPulls(
          server,
          () -> {
            clear();
            Files.createDirectories(directory.resolve("store"));
            Files.write(directory.resolve("store/tiny.gguf.part"), Arrays.copyOf(FILE, 20_000));
            Files.writeString(directory.resolve("store/tiny.gguf.part.etag"), ETAG);
          });
    }
  }

  @Test
  void pullsInShortTransfers() throws IOException {
    files.shortenTransfers();
    try (FileServer server = new FileServer((x, n) -> FileServer.serve(x, FILE, ETAG))) {
      pull(store(server), reference(FILE));
      assertArrayEquals(FILE, Files.readAllBytes(model()));
    }
  }

  /** The download is deleted, even if the disk fails meanwhile, and the right file follows. */
  @Test
  void removesFilesWithWrongSha256() throws IOException {
    byte[] wrong = FILE.clone();
    wrong[7]++;
    try (FileServer server = new FileServer((x, n) -> FileServer.serve(x, wrong, ETAG));
        FileServer right = new FileServer((x, n) -> FileServer.serve(x, FILE, "\"b\""))) {
      ModelStore store = store(server);
      files.failEach(
          this::clear,
          () -> pull(store, reference(FILE)),
          e -> assertInstanceOf(ModelStoreException.class, e, e::toString),
          () -> {
            assertTrue(Files.notExists(model()));
            pull(store(right), reference(FILE));
            assertArrayEquals(FILE, Files.readAllBytes(model()));
            assertEquals(List.of("tiny.gguf", "tiny.gguf.json"), names());
          });
    }
  }
}
