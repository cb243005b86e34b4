package dev.vidrio.bard;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

final class BardTest {
  @Test
  void theModelIsAGgufFile() throws IOException {
    try (InputStream model = Bard.open()) {
      assertArrayEquals("GGUF".getBytes(StandardCharsets.US_ASCII), model.readNBytes(4));
    }
  }

  @Test
  void theCardNamesTheLicense() {
    assertTrue(Bard.card().contains("CC0"));
  }
}
