package dev.vidrio.model.quantize;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.formats.testfiles.GgufWriter;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Compares blocks with those of llama-quantize byte for byte (make.py wrote plain.gguf), and tests
 * that failures are reported and leave no file.
 */
class QuantizerTest {
  private static final String MATRIX = "blk.0.ffn_up.weight";

  @TempDir private Path directory;

  private static Path resource(String name, Path directory) throws IOException {
    try (InputStream in = QuantizerTest.class.getResourceAsStream(name)) {
      Path path = directory.resolve(name);
      Files.write(path, Objects.requireNonNull(in).readAllBytes());
      return path;
    }
  }

  private Path file(String name) {
    return directory.resolve(name);
  }

  private static GgufWriter model() {
    return new GgufWriter()
        .string("general.architecture", "llama")
        .string("general.name", "a model")
        .uint32("llama.block_count", 1)
        .uint32("general.file_type", 0);
  }

  private Path write(GgufWriter writer) throws IOException {
    return Files.write(file("in.gguf"), writer.toImage().bytes());
  }

  /** Writes a model of one matrix, a tensor of a fixture. */
  private Path model(GgufTensor tensor) throws IOException {
    byte[] data = tensor.data().toArray(ValueLayout.JAVA_BYTE);
    return write(
        model()
            .tensor(MATRIX, tensor.type(), data, tensor.dim(0), tensor.dim(1))
            .tensor("output.weight", tensor.type(), data, tensor.dim(0), tensor.dim(1)));
  }

  private static FileType fileType(GgmlType type) {
    return Stream.of(FileType.values())
        .filter(candidate -> candidate.matrices() == type && candidate != FileType.Q2_K_S)
        .findFirst()
        .orElseThrow();
  }

  @ParameterizedTest
  @ValueSource(strings = {"plain.gguf", "weighted.gguf"})
  void blocksMatchLlamaQuantize(String name) throws IOException {
    try (Arena arena = Arena.ofShared()) {
      Gguf expected = Gguf.open(resource(name, directory), arena);
      Path in = model(expected.tensor("F32"));
      Path importance = name.equals("weighted.gguf") ? resource("imatrix.gguf", directory) : null;
      List<String> seen = new ArrayList<>();
      for (GgufTensor tensor : expected.tensors()) {
        if (tensor.type() == GgmlType.F32) {
          continue;
        }
        QuantizeOptions options =
            QuantizeOptions.of(fileType(tensor.type())).pure().withImportance(importance);
        Quantizer.quantize(in, file("out.gguf"), options);
        GgufTensor actual = Gguf.open(file("out.gguf"), arena).tensor(MATRIX);
        assertEquals(tensor.type(), actual.type());
        assertEquals(-1, tensor.data().mismatch(actual.data()), tensor.name());
        seen.add(tensor.name());
      }
      assertEquals(name.equals("plain.gguf") ? 15 : 11, seen.size());
    }
  }

  /** Decoding and encoding gives equal blocks if the extreme element of a block is exact. */
  @ParameterizedTest
  @EnumSource(names = {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q5_0"})
  void convertsAnyTypeToAnyType(FileType type) throws IOException {
    try (Arena arena = Arena.ofShared()) {
      Gguf fixture = Gguf.open(resource("plain.gguf", directory), arena);
      for (GgufTensor tensor : fixture.tensors()) {
        Path in = model(tensor);
        Quantizer.quantize(in, file("out.gguf"), QuantizeOptions.of(type).pure());
        Gguf out = Gguf.open(file("out.gguf"), arena);
        assertEquals(type.matrices(), out.tensor(MATRIX).type());
        Quantizer.quantize(file("out.gguf"), file("f32.gguf"), QuantizeOptions.of(FileType.F32));
        assertEquals(GgmlType.F32, Gguf.open(file("f32.gguf"), arena).tensor(MATRIX).type());
      }
    }
  }

  @Test
  void keepsKeys() throws IOException {
    Path in = write(model().tensor(MATRIX, GgmlType.F32, new byte[4 * 64 * 2], 64, 2));
    Quantizer.quantize(in, file("out.gguf"), QuantizeOptions.of(FileType.Q4_K_M));
    try (Arena arena = Arena.ofShared()) {
      Gguf out = Gguf.open(file("out.gguf"), arena);
      assertEquals("a model", out.metadata().string("general.name"));
      assertEquals(15, out.metadata().intValue("general.file_type", 0, 99));
      assertEquals(2, out.metadata().intValue("general.quantization_version", 0, 99));
      assertEquals(GgmlType.Q5_0, out.tensor(MATRIX).type());
    }
  }

  @Test
  void keepsVectorsNormsAndRouters() throws IOException {
    Path in =
        write(
            model()
                .tensor("output_norm.weight", GgmlType.F32, new byte[4 * 64], 64)
                .tensor("blk.0.attn_q_norm.weight", GgmlType.F32, new byte[4 * 64 * 2], 64, 2)
                .tensor("blk.0.ffn_gate_inp.weight", GgmlType.F32, new byte[4 * 64 * 2], 64, 2)
                .tensor(MATRIX, GgmlType.F32, new byte[4 * 64 * 2], 64, 2));
    Quantizer.quantize(in, file("out.gguf"), QuantizeOptions.of(FileType.Q8_0));
    try (Arena arena = Arena.ofShared()) {
      for (GgufTensor tensor : Gguf.open(file("out.gguf"), arena).tensors()) {
        assertEquals(
            tensor.name().equals(MATRIX) ? GgmlType.Q8_0 : GgmlType.F32,
            tensor.type(),
            tensor.name());
      }
    }
  }

  private void assertFails(String expected, Path in, QuantizeOptions options) throws IOException {
    Path out = file("out.gguf");
    ModelException e =
        assertThrows(ModelException.class, () -> Quantizer.quantize(in, out, options));
    assertTrue(e.getMessage().contains(expected), () -> expected + " in: " + e.getMessage());
    assertFalse(Files.exists(out));
    try (Stream<Path> files = Files.list(directory)) {
      assertEquals(List.of(), files.filter(path -> path.toString().endsWith(".part")).toList());
    }
  }

  @Test
  void namesNonFiniteWeights() throws IOException {
    byte[] data = new byte[4 * 64 * 2];
    data[4 * 70 + 2] = (byte) 0x80;
    data[4 * 70 + 3] = 0x7f;
    Path in = write(model().tensor(MATRIX, GgmlType.F32, data, 64, 2));
    String expected = "tensor '" + MATRIX + "' row 1: has an element that is infinite";
    assertFails(expected, in, QuantizeOptions.of(FileType.Q8_0));
    assertFails(expected, in, QuantizeOptions.of(FileType.F16));
  }

  @Test
  void namesTypesWithoutKernel() throws IOException {
    byte[] data = new byte[18 * 4];
    Path in = write(model().tensor(MATRIX, GgmlType.Q1_0, data, 256, 2));
    assertFails("type Q1_0 of tensor", in, QuantizeOptions.of(FileType.Q8_0));
  }

  @Test
  void namesInvalidImportance() throws IOException {
    Path in = write(model().tensor(MATRIX, GgmlType.F32, new byte[4 * 256 * 2], 256, 2));
    QuantizeOptions options = QuantizeOptions.of(FileType.Q2_K_S);
    assertFails("Q2_K_S without the importance of tensor", in, options);
    Path importance = resource("imatrix.gguf", directory);
    assertFails("must be F32 [256, 1]", in, options.withImportance(importance));
    assertFails("general.type", in, options.withImportance(in));
    assertFails("no such file", in, options.withImportance(file("none.gguf")));
  }

  @Test
  void rejectsOutputThatIsTheInput() throws IOException {
    Path in = write(model().tensor(MATRIX, GgmlType.F32, new byte[4 * 64 * 2], 64, 2));
    byte[] before = Files.readAllBytes(in);
    Path link = Files.createSymbolicLink(file("link.gguf"), in);
    for (Path out : List.of(in, link, directory.resolve("./in.gguf"))) {
      ModelException e =
          assertThrows(
              ModelException.class,
              () -> Quantizer.quantize(in, out, QuantizeOptions.of(FileType.Q8_0)));
      assertTrue(e.getMessage().contains("is the input: write to another file"), e.getMessage());
    }
    assertEquals(-1, Arrays.mismatch(before, Files.readAllBytes(in)));
  }

  @Test
  void namesOutputsThatCannotBeWritten() throws IOException {
    Path in = write(model().tensor(MATRIX, GgmlType.F32, new byte[4 * 64 * 2], 64, 2));
    for (Path out : List.of(file("none/out.gguf"), directory)) {
      ModelException e =
          assertThrows(
              ModelException.class,
              () -> Quantizer.quantize(in, out, QuantizeOptions.of(FileType.Q8_0)));
      assertTrue(e.getMessage().contains("cannot be written"), e.getMessage());
    }
    assertFails("is a directory", directory, QuantizeOptions.of(FileType.Q8_0));
  }
}
