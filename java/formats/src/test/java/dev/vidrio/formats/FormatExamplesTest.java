package dev.vidrio.formats;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.formats.testfiles.BardFiles;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FormatExamplesTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);

  @Test
  void readsGguf() {
    FormatExamples.gguf(BardFiles.q8(), out);
    assertTrue(printed().contains("token_embd.weight Q8_0 ["), printed());
  }

  @Test
  void readsMetadata() {
    try (Arena arena = Arena.ofConfined()) {
      Gguf gguf = Gguf.open(BardFiles.q8(), arena);
      int width = gguf.metadata().intValue("llama.embedding_length", 1, 1 << 20);
      float base = gguf.metadata().floatValue("llama.rope.freq_base", 1, 1e9f, 10_000);
      assertEquals(width + base, FormatExamples.metadata(gguf.metadata()));
    }
  }

  @Test
  void writesAndReadsSafetensors(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("logits.safetensors");
    FormatExamples.write(file, new float[] {1, 2, 3}, new float[] {4, 5, 6});
    FormatExamples.safetensors(file, out);
    assertEquals("logits F32 [2, 3]", printed().strip());
    try (Arena arena = Arena.ofConfined()) {
      float[] values =
          Safetensors.open(file, arena)
              .find("logits")
              .orElseThrow()
              .data()
              .toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
      assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, values);
    }
  }

  private String printed() {
    return bytes.toString(StandardCharsets.UTF_8);
  }
}
