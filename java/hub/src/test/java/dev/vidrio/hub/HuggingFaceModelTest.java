package dev.vidrio.hub;

import static dev.vidrio.hub.HubFixture.FILE;
import static dev.vidrio.hub.HubFixture.SHA256;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelStoreException;
import dev.vidrio.hub.source.ProgressListener;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Models of a repository, chosen from the list of a server that plays Hugging Face. */
class HuggingFaceModelTest {

  private static final String TREE = "/api/models/owner/repo/tree/main";

  @TempDir Path directory;

  private final List<String> paths = Collections.synchronizedList(new ArrayList<>());

  /** Serves a list of files, all with the bytes of the fixture. */
  private FileServer server(String... files) throws IOException {
    return serverOf(SHA256, files);
  }

  private FileServer serverOf(String sha256, String... files) throws IOException {
    return new FileServer(
        (x, n) -> {
          String path = x.getRequestURI().getPath();
          paths.add(path);
          if (path.equals(TREE)) {
            json(x, list(sha256, files));
          } else {
            FileServer.serve(x, FILE, "\"one\"");
          }
        });
  }

  private static String list(String sha256, String... files) {
    return Arrays.stream(files)
        .map(
            file ->
                "{\"type\":\"file\",\"oid\":\"1\",\"size\":%s,\"path\":\"%s\",\"lfs\":{\"oid\":\"%s\"}}"
                    .formatted(FILE.length, file, sha256))
        .collect(Collectors.joining(",", "[{\"type\":\"directory\",\"path\":\"sub.gguf\"},", "]"));
  }

  private static void json(HttpExchange exchange, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(200, bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  private ModelStore store(FileServer server) {
    return HubFixture.store(directory, server.uri()).build();
  }

  private static Path pull(ModelStore store, String reference) throws InterruptedException {
    return store.pull(ModelReference.parse(reference), ProgressListener.SILENT);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "hf:owner/repo        | m-Q8_0.gguf m-Q4_K_M.gguf m-F16.gguf       | m-Q4_K_M.gguf",
        "hf:owner/repo        | m-Q8_0.gguf m-F16.gguf                     | m-Q8_0.gguf",
        "hf:owner/repo        | mmproj-m-Q8_0.gguf a-imatrix.gguf m-F16.gguf | m-F16.gguf",
        "hf:owner/repo:q8_0   | m-Q8_0.gguf m-Q4_K_M.gguf                  | m-Q8_0.gguf",
        "hf:owner/repo:Q4_K   | m-Q4_K_M.gguf m.Q4_K.gguf                  | m.Q4_K.gguf",
        "hf:owner/repo:Q4_K_M | m-UD-Q4_K_M.gguf m-Q4_K_M.gguf             | m-Q4_K_M.gguf",
        "hf:owner/repo:BF16   | BF16/m.gguf m-F16.gguf README.md           | BF16/m.gguf",
      })
  void choosesQuantization(String reference, String files, String chosen) throws Exception {
    try (FileServer server = server(files.split(" ", -1))) {
      ModelStore store = store(server);
      assertEquals(Optional.empty(), store.find(ModelReference.parse(reference)));
      Path path = pull(store, reference);
      assertTrue(path.endsWith("hf/owner/repo/main/" + chosen), path.toString());
      assertArrayEquals(FILE, Files.readAllBytes(path));
      assertEquals(List.of(TREE, "/owner/repo/resolve/main/" + chosen), paths);
      assertEquals(Optional.of(path), store.find(ModelReference.parse(reference)));
      assertEquals(Optional.of(SHA256), store.list().getFirst().sha256());
      assertTrue(store.remove(reference));
      assertFalse(store.remove(reference));
    }
  }

  @Test
  void pullsAllPartsOfSplitFile() throws Exception {
    String[] files = {
      "m-Q4_K_M-00002-of-00002.gguf", "m-Q8_0.gguf", "m-Q4_K_M-00001-of-00002.gguf"
    };
    try (FileServer server = server(files)) {
      ModelStore store = store(server);
      Path first = pull(store, "hf:owner/repo");
      assertTrue(first.endsWith(files[2]), first.toString());
      assertEquals(2, store.list().size());
      pull(store, "hf:owner/repo"); // lists again, downloads nothing
      assertEquals(4, paths.size());
      Files.delete(first.resolveSibling(files[0]));
      assertEquals(Optional.empty(), store.find(ModelReference.parse("hf:owner/repo")));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "hf:owner/repo:Q5_K_M | m-Q8_0.gguf m-Q4_K_M.gguf | Q5_K_M not found; available: Q4_K_M,"
            + " Q8_0",
        "hf:owner/repo:Q8_0   | model.safetensors         | Q8_0 not found; available: no GGUF"
            + " file",
        "hf:owner/repo        | model.safetensors mmproj-a.gguf | the repository has no GGUF file",
        "hf:owner/repo        | a-Q8_0.gguf b-Q8_0.gguf   | Q8_0 matches several files; name one"
            + " of: hf:owner/repo/a-Q8_0.gguf, hf:owner/repo/b-Q8_0.gguf",
        "hf:owner/repo        | a-Q8_0-00002-of-00003.gguf | has 1 of the 3 parts of a-Q8_0",
      })
  void rejectsRepositoriesWithoutTheModel(String reference, String files, String limit)
      throws Exception {
    try (FileServer server = server(files.split(" ", -1))) {
      ModelStore store = store(server);
      var e = assertThrows(InvalidInputException.class, () -> pull(store, reference));
      assertEquals(limit, e.limit());
      assertEquals(List.of(TREE), paths);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "401, 'private, gated or does not exist'",
    "403, accept the model's license",
    "404, 'no such repository, revision or file'",
    "503, server error",
  })
  void explainsInaccessibleRepositories(int status, String reason) throws Exception {
    try (FileServer server = new FileServer((x, n) -> FileServer.status(x, status))) {
      ModelStore store = store(server);
      var e = assertThrows(ModelStoreException.class, () -> pull(store, "hf:owner/repo"));
      assertTrue(e.getMessage().contains("cannot list the repository: "), e.getMessage());
      assertTrue(e.getMessage().contains(reason), e.getMessage());
      assertEquals(status == 503 ? 3 : 1, server.requests().size());
    }
  }

  @Test
  void rejectsFileOfAnotherSha256() throws Exception {
    try (FileServer server = serverOf("0".repeat(64), "m-Q8_0.gguf")) {
      ModelStore store = store(server);
      var e = assertThrows(ModelStoreException.class, () -> pull(store, "hf:owner/repo"));
      assertTrue(e.getMessage().contains(SHA256), e.getMessage());
      assertEquals(Optional.empty(), store.find(ModelReference.parse("hf:owner/repo")));
    }
  }

  @Test
  void rejectsMalformedLists() throws Exception {
    for (String text : List.of("{}", "[", "")) {
      try (FileServer server = new FileServer((x, n) -> json(x, text))) {
        ModelStore store = store(server);
        assertThrows(RuntimeException.class, () -> pull(store, "hf:owner/repo"));
      }
    }
  }

  @Test
  void followsPagesOnTheSameServer() throws Exception {
    try (FileServer server =
        new FileServer(
            (x, n) -> {
              String query = String.valueOf(x.getRequestURI().getQuery());
              if (!x.getRequestURI().getPath().equals(TREE)) {
                FileServer.serve(x, FILE, "\"one\"");
              } else if (query.contains("cursor")) {
                json(x, list(SHA256, "m-Q4_K_M.gguf"));
              } else {
                x.getResponseHeaders().set("Link", "<" + TREE + "?cursor=1>; rel=\"next\"");
                json(x, list(SHA256, "m-Q8_0.gguf"));
              }
            })) {
      assertTrue(pull(store(server), "hf:owner/repo").endsWith("m-Q4_K_M.gguf"));
    }
    try (FileServer server =
        new FileServer(
            (x, n) -> {
              x.getResponseHeaders().set("Link", "<http://127.0.0.2:1/x>; rel=\"next\"");
              json(x, list(SHA256, "m-Q8_0.gguf"));
            })) {
      ModelStore store = store(server);
      var e = assertThrows(ModelStoreException.class, () -> pull(store, "hf:owner/repo:Q8_0"));
      assertTrue(e.getMessage().contains("another server"), e.getMessage());
    }
  }
}
