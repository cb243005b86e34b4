package dev.vidrio.model.architecture;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.vidrio.model.gguf.Gguf;
import dev.vidrio.model.gguf.GgufTensor;
import dev.vidrio.model.gguf.GgufValue;
import dev.vidrio.model.testfiles.GgufWriter;
import dev.vidrio.model.testfiles.SafetensorsFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
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

  /** A writer of the same file, whose keys and tensors can be changed. */
  static GgufWriter writer(String model) {
    var writer = new GgufWriter();
    try (Arena arena = Arena.ofConfined()) {
      Gguf gguf = gguf(model, arena);
      gguf.metadata().entries().forEach((key, value) -> put(writer, key, value));
      for (GgufTensor tensor : gguf.tensors()) {
        long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
        writer.tensor(tensor.name(), tensor.type(), tensor.data().toArray(JAVA_BYTE), shape);
      }
    }
    return writer;
  }

  private static void put(GgufWriter writer, String key, GgufValue value) {
    switch (value) {
      case GgufValue.Int number -> writer.integer(key, number.type(), number.value());
      case GgufValue.Real number -> writer.float32(key, (float) number.value());
      case GgufValue.Bool bool -> writer.bool(key, bool.value());
      case GgufValue.Text text ->
          writer.string(key, new String(text.utf8().toArray(JAVA_BYTE), StandardCharsets.UTF_8));
      case GgufValue.Array array -> throw new IllegalArgumentException(key + ": " + array);
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
