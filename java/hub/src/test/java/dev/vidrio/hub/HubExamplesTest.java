package dev.vidrio.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HubExamplesTest {
  @Test
  void pullsModel(@TempDir Path directory) throws Exception {
    try (FileServer server =
        new FileServer((x, n) -> FileServer.serve(x, HubFixture.FILE, "\"etag\""))) {
      ModelStore store = HubFixture.store(directory, server.uri()).build();
      Path file = HubExamples.pull(store, HubFixture.huggingFace().toString());
      assertArrayEquals(HubFixture.FILE, Files.readAllBytes(file));
      assertEquals(file, HubExamples.pull(store, HubFixture.huggingFace().toString()));
    }
  }
}
