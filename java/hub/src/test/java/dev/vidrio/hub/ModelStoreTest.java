package dev.vidrio.hub;

import static dev.vidrio.hub.HubFixture.FILE;
import static dev.vidrio.hub.HubFixture.SHA256;
import static dev.vidrio.hub.HubFixture.SOURCE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.net.httpserver.HttpExchange;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelStoreException;
import dev.vidrio.hub.HubFixture.Recorder;
import dev.vidrio.hub.source.ProgressListener;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelStoreTest {

  private static final URI NOWHERE = URI.create("https://nowhere.invalid");

  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({
    "/v,  /x,  /v/models",
    "/v,  '',  /v/models",
    "'',  /x,  /x/vidrio/models",
    "'',  x,   /home/ada/.cache/vidrio/models",
    "'',  '',  /home/ada/.cache/vidrio/models",
  })
  void readsStoreDirectoryFromEnvironment(String vidrioHome, String xdgCacheHome, String expected) {
    Map<String, String> environment =
        Map.of("VIDRIO_HOME", vidrioHome, "XDG_CACHE_HOME", xdgCacheHome);
    ModelStore store = new ModelStoreBuilder(environment, Path.of("/home/ada")).build();
    assertEquals(Path.of(expected), store.directory());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "x",
        "ftp://a",
        "https://",
        "https://a b",
        "https://a?q=1",
        "//a",
        "https://u:p@a"
      })
  void rejectsMalformedEndpoints(String endpoint) {
    ModelStoreBuilder builder =
        new ModelStoreBuilder(Map.of("HF_ENDPOINT", endpoint), Path.of("/home/ada"));
    assertEquals("HF_ENDPOINT", assertThrows(InvalidInputException.class, builder::build).field());
  }

  @Test
  void rejectsInvalidTokenWithoutShowingIt() {
    ModelStoreBuilder builder =
        new ModelStoreBuilder(Map.of("HF_TOKEN", "hf_\nsecret"), Path.of("/home/ada"));
    String message = assertThrows(InvalidInputException.class, builder::build).getMessage();
    assertTrue(message.startsWith("HF_TOKEN"), message);
    assertFalse(message.contains("secret"), message);
  }

  @Test
  void treatsMissingStoreAsEmpty() {
    ModelStore store = HubFixture.store(directory.resolve("none"), NOWHERE).build();
    assertEquals(List.of(), store.list());
    assertEquals(Optional.empty(), store.find(HubFixture.named(SOURCE)));
    assertFalse(store.remove("tiny"));
    assertFalse(Files.exists(store.directory()));
  }

  @Test
  void findsLocalFiles() throws Exception {
    ModelStore store = HubFixture.store(directory, NOWHERE).build();
    Path file = Files.write(directory.resolve("own.gguf"), FILE);
    assertEquals(Optional.of(file), store.find(new ModelReference.LocalFile(file)));
    assertEquals(
        Optional.empty(),
        store.find(new ModelReference.LocalFile(directory.resolve("missing.gguf"))));
    assertThrows(
        InvalidInputException.class,
        () -> store.pull(new ModelReference.LocalFile(file), ProgressListener.SILENT));
  }

  @Test
  void excludesEmbeddedModels() {
    ModelStore store = HubFixture.store(directory, NOWHERE).build();
    ModelReference bard = ModelReference.parse("bard");
    assertEquals(Optional.empty(), store.find(bard));
    assertThrows(InvalidInputException.class, () -> store.pull(bard, ProgressListener.SILENT));
    assertThrows(InvalidInputException.class, () -> store.remove("bard"));
  }

  @Test
  void listsAndRemovesPulledModels() throws Exception {
    try (FileServer server = new FileServer((x, n) -> FileServer.serve(x, FILE, "\"a\""))) {
      ModelStore store = HubFixture.store(directory, server.uri()).build();
      ModelReference odd = ModelReference.parse("hf:owner/repo/sub dir/mödel.gguf@refs/pr/1");
      Path tiny = store.pull(HubFixture.named(SOURCE), ProgressListener.SILENT);
      Path other = store.pull(odd, ProgressListener.SILENT);
      assertEquals(
          directory.resolve("hf/owner/repo/refs%2Fpr%2F1/sub%20dir/m%C3%B6del.gguf"), other);

      List<StoredModel> models = store.list();
      assertEquals(
          List.of(odd.toString(), "tiny"), models.stream().map(StoredModel::name).toList());
      assertEquals(List.of(other, tiny), models.stream().map(StoredModel::path).toList());
      StoredModel listed = models.get(1);
      assertEquals("hf:owner/repo/tiny.gguf", listed.source());
      assertEquals(FILE.length, listed.bytes());
      assertEquals(Optional.of(SHA256), listed.sha256());

      assertTrue(store.remove(odd.toString()));
      assertTrue(store.remove("tiny"));
      assertEquals(List.of(), store.list());
      assertEquals(Optional.empty(), store.find(odd));
      assertFalse(store.remove("tiny"));
    }
  }

  @Test
  void removesInterruptedPulls() throws Exception {
    Files.write(directory.resolve("tiny.gguf.part"), FILE);
    Files.writeString(directory.resolve("tiny.gguf.part.etag"), "\"a\"");
    Files.createDirectories(directory.resolve("tiny.gguf.pip/part0"));
    ModelStore store = HubFixture.store(directory, NOWHERE).build();
    assertEquals(List.of(), store.list());
    assertTrue(store.remove("tiny"));
    try (var left = Files.list(directory)) {
      assertEquals(List.of(directory.resolve(".locks")), left.toList());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "..",
        "../x",
        "/etc/passwd",
        "a/b.gguf",
        "hf:../../x.gguf",
        "hf:o/r/../x.gguf"
      })
  void doesNotRemoveHostileNames(String name) {
    ModelStore store = HubFixture.store(directory, NOWHERE).build();
    assertThrows(InvalidInputException.class, () -> store.remove(name));
  }

  @Test
  void verifiesManuallyAddedFiles() throws Exception {
    ModelStore store = HubFixture.store(directory, NOWHERE).build();
    Path path = Files.write(directory.resolve("tiny.gguf"), FILE);
    assertEquals(Optional.of(path), store.find(HubFixture.named(SOURCE)));
    assertEquals(Optional.empty(), store.list().getFirst().sha256());
    assertEquals(path, store.pull(HubFixture.named(SOURCE), ProgressListener.SILENT));
    assertEquals(Optional.of(SHA256), store.list().getFirst().sha256());
    assertEquals("by hand", store.list().getFirst().source());
  }

  @Test
  void rejectsFilesOfWrongSizeOrDigest() throws Exception {
    Path path = Files.write(directory.resolve("tiny.gguf"), new byte[3]);
    ModelReference reference = HubFixture.named(SOURCE);
    try (FileServer server = new FileServer((x, n) -> FileServer.serve(x, FILE, "\"a\""))) {
      ModelStore store = HubFixture.store(directory, server.uri()).build();
      assertEquals(Optional.empty(), store.find(reference));

      Files.write(path, new byte[FILE.length]);
      store.pull(reference, ProgressListener.SILENT);
      assertArrayEquals(FILE, Files.readAllBytes(path));

      ModelReference newer = new ModelReference.Named(HubFixture.entry("2".repeat(64), SOURCE));
      assertEquals(Optional.empty(), store.find(newer));
    }
  }

  @Test
  void ignoresDamagedRecord() throws Exception {
    Files.write(directory.resolve("tiny.gguf"), FILE);
    Files.writeString(directory.resolve("tiny.gguf.json"), "{\"source\": 3");
    ModelStore store = HubFixture.store(directory, NOWHERE).build();
    assertEquals("by hand", store.list().getFirst().source());
  }

  @Test
  void ignoresOtherFiles() throws Exception {
    Files.createDirectories(directory.resolve("hf/owner/repo/main/dir.gguf"));
    Files.createDirectories(directory.resolve("other/owner/repo/main"));
    Files.writeString(directory.resolve("notes.txt"), "x");
    Files.writeString(directory.resolve("Two Words.gguf"), "x");
    Files.writeString(directory.resolve("hf/stray.gguf"), "x");
    Files.writeString(directory.resolve("hf/owner/repo/main/a b.gguf"), "x");
    Files.writeString(directory.resolve("other/owner/repo/main/a.gguf"), "x");
    assertEquals(List.of(), HubFixture.store(directory, NOWHERE).build().list());
  }

  @Test
  void fetchesOnceForConcurrentPulls() throws Exception {
    int pulls = 4;
    CountDownLatch waiting = new CountDownLatch(pulls - 1);
    try (FileServer server =
            new FileServer(
                (x, n) -> {
                  awaitLatch(waiting);
                  FileServer.serve(x, FILE, "\"a\"");
                });
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Path>> results = new ArrayList<>();
      for (int i = 0; i < pulls; i++) {
        ModelStore store = HubFixture.store(directory, server.uri()).build();
        results.add(
            threads.submit(
                () ->
                    store.pull(
                        HubFixture.named(SOURCE),
                        (phase, done, total) -> {
                          if (phase == ProgressListener.Phase.WAITING) {
                            waiting.countDown();
                          }
                        })));
      }
      for (Future<Path> result : results) {
        assertArrayEquals(FILE, Files.readAllBytes(result.get()));
      }
      assertEquals(1, server.requests().size());
    }
  }

  @Test
  void doesNotRemoveModelDuringPull() throws Exception {
    ModelStore store = HubFixture.store(directory, NOWHERE).build();
    StoreLayout.Slot slot = new StoreLayout(directory).named("tiny");
    Files.write(slot.part(), new byte[3]);
    CountDownLatch held = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<Boolean> holder =
          threads.submit(
              () -> {
                try (StoreLock _ = StoreLock.acquire(slot.lock(), () -> {})) {
                  held.countDown();
                  end.await();
                  return true;
                }
              });
      held.await();
      String fault = assertThrows(ModelStoreException.class, () -> store.remove("tiny")).fault();
      assertTrue(fault.contains("is being pulled"), fault);
      end.countDown();
      assertTrue(holder.get());
    }
    assertTrue(store.remove("tiny"));
  }

  @Test
  void keepsPartOfInterruptedPull() throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    try (FileServer server = new FileServer((x, n) -> stallWithEtag(x, end))) {
      ModelStore store = HubFixture.store(directory, server.uri()).build();
      Thread self = Thread.currentThread();
      ProgressListener interrupting =
          (phase, done, total) -> {
            if (done > 0) {
              self.interrupt();
            }
          };
      assertThrows(
          InterruptedException.class, () -> store.pull(HubFixture.named(SOURCE), interrupting));
      assertTrue(Files.size(directory.resolve("tiny.gguf.part")) > 0);
      assertEquals("\"a\"", Files.readString(directory.resolve("tiny.gguf.part.etag")));
    } finally {
      end.countDown();
    }
  }

  @Test
  void reportsFullDisk() throws Exception {
    Path full = Path.of("/dev/full");
    assumeTrue(Files.exists(full));
    Files.createSymbolicLink(directory.resolve("tiny.gguf.part"), full);
    Recorder recorder = new Recorder();
    try (FileServer server = new FileServer((x, n) -> FileServer.serve(x, FILE, "\"a\""))) {
      ModelStore store = HubFixture.store(directory, server.uri()).build();
      ModelStoreException e =
          assertThrows(
              ModelStoreException.class, () -> store.pull(HubFixture.named(SOURCE), recorder));
      assertTrue(e.fault().contains("writing " + directory.resolve("tiny.gguf.part")), e.fault());
      assertTrue(e.fault().contains("free"), e.fault());
      assertTrue(e.advice().contains("the next pull resumes it"), e.advice());
      assertEquals(List.of(), recorder.failures);
    }
  }

  @Test
  void reportsUncreatableStore() throws Exception {
    Path file = Files.writeString(directory.resolve("file"), "x");
    ModelStore store = HubFixture.store(file.resolve("store"), NOWHERE).build();
    ModelStoreException e =
        assertThrows(
            ModelStoreException.class,
            () -> store.pull(HubFixture.named(SOURCE), ProgressListener.SILENT));
    assertTrue(e.fault().contains("cannot use the store"), e.fault());
    assertTrue(e.advice().contains("VIDRIO_HOME"), e.advice());
  }

  private static void stallWithEtag(HttpExchange x, CountDownLatch end) throws IOException {
    x.getResponseHeaders().set("ETag", "\"a\"");
    FileServer.stall(x, FILE, 1_200_000, end);
  }

  private static void awaitLatch(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
