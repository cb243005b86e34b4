package dev.vidrio.model.architecture;

import dev.vidrio.model.gguf.Gguf;
import dev.vidrio.model.testfiles.SafetensorsFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** The tiny random models in this package's resources; generate.py says how they were made. */
final class TinyModels {
  private TinyModels() {}

  private static InputStream resource(String model, String file) {
    return Objects.requireNonNull(
        TinyModels.class.getResourceAsStream(model + "/" + file), model + "/" + file);
  }

  /** Parses a model's GGUF file, copied into the arena. */
  static Gguf gguf(String model, Arena arena) {
    String file = "model.gguf";
    try (InputStream in = resource(model, file)) {
      byte[] bytes = in.readAllBytes();
      MemorySegment data = arena.allocate(bytes.length, 64).copyFrom(MemorySegment.ofArray(bytes));
      return Gguf.parse(model + "/" + file, data);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What transformers computes: {@code tokens} [n], {@code logits} [n, V]. */
  static SafetensorsFile expected(String model) {
    try {
      return SafetensorsFile.read(resource(model, "expected.safetensors"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
