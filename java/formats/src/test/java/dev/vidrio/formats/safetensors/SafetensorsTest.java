package dev.vidrio.formats.safetensors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelException;
import dev.vidrio.formats.testfiles.SafetensorsImage;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Reads files of {@link SafetensorsWriter}, and rejects damaged files with a message that names the
 * fault.
 */
class SafetensorsTest {

  @Test
  void readsWrittenFiles(@TempDir Path directory) throws IOException {
    Path path = directory.resolve("a.safetensors");
    float[] values = {1, -2, 0.5f};
    int[] numbers = {7, 8};
    var entries =
        List.of(
            new SafetensorsWriter.Entry("floats", Dtype.F32, List.of(3L, 1L)),
            new SafetensorsWriter.Entry("numbers", Dtype.I32, List.of(2L)));
    try (Arena arena = Arena.ofConfined();
        var writer = SafetensorsWriter.create(path, entries, Map.of("format", "pt"))) {
      writer.write("floats", arena.allocateFrom(ValueLayout.JAVA_FLOAT, values));
      writer.write("numbers", arena.allocateFrom(ValueLayout.JAVA_INT, numbers));
      writer.finish();
    }
    try (Arena arena = Arena.ofConfined()) {
      Safetensors file = Safetensors.open(path, arena);
      assertEquals(Map.of("format", "pt"), file.metadata());
      SafetensorsTensor floats = file.find("floats").orElseThrow();
      assertEquals("floats F32 [3, 1]", floats.toString());
      assertArrayEquals(values, floats.data().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED));
      MemorySegment data = file.find("numbers").orElseThrow().data();
      assertArrayEquals(numbers, data.toArray(ValueLayout.JAVA_INT_UNALIGNED));
      assertTrue(file.find("none").isEmpty());
    }
  }

  @Test
  void rejectsWritesBeyondTensorSize(@TempDir Path directory) throws IOException {
    Path path = directory.resolve("a.safetensors");
    var entries = List.of(new SafetensorsWriter.Entry("doubles", Dtype.F64, List.of(2L)));
    try (Arena arena = Arena.ofConfined();
        var writer = SafetensorsWriter.create(path, entries, Map.of())) {
      assertRefused(
          "tensor floats is not among [doubles]",
          () -> writer.write("floats", arena.allocate(Float.BYTES)));
      writer.write("doubles", arena.allocate(Double.BYTES));
      assertRefused(
          "tensor doubles gets 24 bytes, but has 16",
          () -> writer.write("doubles", arena.allocate(2 * Double.BYTES)));
    }
    assertRefused(
        "tensor a: shape [2, -1] is negative",
        () -> new SafetensorsWriter.Entry("a", Dtype.F32, List.of(2L, -1L)));
  }

  private static void assertRefused(String expected, Executable action) {
    assertEquals(expected, assertThrows(IllegalArgumentException.class, action).getMessage());
  }

  @Test
  void readsEmptyTensors() {
    byte[] bytes = new SafetensorsImage().zeros("a", "F16", 2, 0, 4).bytes();
    assertEquals(0, parse(bytes).tensors().getFirst().data().byteSize());
  }

  private static Safetensors parse(byte[] bytes) {
    return Safetensors.parse("x", MemorySegment.ofArray(bytes));
  }

  private static Arguments bad(String name, byte[] bytes, String expected) {
    return Arguments.of(name, bytes, expected);
  }

  private static Arguments header(String name, String header, String expected) {
    return bad(name, SafetensorsImage.file(header, new byte[8]), expected);
  }

  private static Arguments entry(String name, String entry, String expected) {
    return header(name, "{\"a\":" + entry + "}", expected);
  }

  private static Arguments place(String name, String dtype, String shape, String at, String error) {
    String text = "{\"dtype\":%s,\"shape\":%s,\"data_offsets\":%s}".formatted(dtype, shape, at);
    return entry(name, text, error);
  }

  private static Arguments length(String name, long length, String expected) {
    byte[] header = "{}      ".getBytes(StandardCharsets.US_ASCII);
    return bad(name, SafetensorsImage.file(length, header, new byte[0]), expected);
  }

  static List<Arguments> hostile() {
    String sound = "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%d,%d]}";
    String first = "{\"a\":" + sound.formatted(0, 4);
    return List.of(
        bad("empty", new byte[0], "x: is empty"),
        bad("cut", new byte[7], "ends before its header"),
        length("length-0", 0, "header length 0: must be 2 to"),
        length("length-past-end", 9, "header length 9: must be 2 to the 8 bytes"),
        length("length-maximal", -1, "header length 18446744073709551615: must be"),
        length("length-2-63", Long.MIN_VALUE, "header length 9223372036854775808: must be"),
        header("no-object", "[]", "must begin with '{'"),
        header("no-json", "{\"a\"", "header: invalid JSON"),
        header("after-json", "{} {}", "header: invalid JSON"),
        header("deep", "{\"a\":" + "[".repeat(100) + "]".repeat(100) + "}", "header: invalid JSON"),
        header("name-twice", first + ",\"a\":" + sound.formatted(4, 8) + "}", "uplicate"),
        header("metadata-number", "{\"__metadata__\":{\"a\":1}}", "must be a string"),
        header("metadata-array", "{\"__metadata__\":[]}", "must be an object of strings"),
        header("no-tensors", "{}", "8 bytes of data after the last tensor"),
        entry("no-entry", "3", "tensor 'a' 3: must be an object"),
        entry("no-dtype", "{}", "tensor 'a' dtype: is unknown"),
        place("dtype-unknown", "\"F31\"", "[2]", "[0,8]", "dtype \"F31\": is unknown"),
        place("dtype-number", "32", "[2]", "[0,8]", "dtype 32: is unknown"),
        place("dtype-size", "\"F16\"", "[2]", "[0,8]", "F16 [2] takes 4 bytes, not 8"),
        place("shape-text", "\"F32\"", "\"2\"", "[0,8]", "shape \"2\": must be an array"),
        place("shape-negative", "\"F32\"", "[-2]", "[0,8]", "shape -2: must be an integer"),
        place("shape-real", "\"F32\"", "[2.0]", "[0,8]", "shape 2.0: must be an integer"),
        place("shape-long", "\"F32\"", "[1,1,1,1,1,1,1,1,2]", "[0,8]", "at most 8 sizes"),
        place(
            "shape-overflow",
            "\"F32\"",
            "[4294967296,4294967296]",
            "[0,8]",
            "takes more than 9223372036854775807 bytes"),
        place("offsets-three", "\"F32\"", "[2]", "[0,4,8]", "must be [begin, end]"),
        place("offsets-missing", "\"F32\"", "[2]", "null", "must be [begin, end]"),
        place("offsets-descend", "\"F32\"", "[2]", "[8,0]", "must ascend and end within the 8"),
        place("offsets-past-end", "\"F32\"", "[3]", "[0,12]", "must ascend and end within the 8"),
        place("offsets-negative", "\"F32\"", "[2]", "[-8,0]", "data_offsets -8: must be"),
        place("offsets-huge", "\"F32\"", "[2]", "[0,1e30]", "data_offsets 1"),
        place("gap-at-start", "\"F32\"", "[1]", "[4,8]", "4: leaves a gap after 0"),
        place("bytes-after", "\"F32\"", "[1]", "[0,4]", "4 bytes of data after the last"),
        header(
            "overlap",
            first + ",\"b\":" + sound.formatted(2, 6) + "}",
            "'b' data_offsets 2: overlaps"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("hostile")
  void rejectsHostileFiles(String name, byte[] bytes, String expected) {
    String message = assertThrows(ModelException.class, () -> parse(bytes)).getMessage();
    assertTrue(message.startsWith("x: "), message);
    assertTrue(message.contains(expected), () -> name + ": " + expected + " in: " + message);
    assertTrue(message.length() < 800, message);
  }

  @Test
  void survivesFlippedBytes() {
    byte[] sound =
        new SafetensorsImage().zeros("a", "F32", 4, 2, 3).zeros("b", "BF16", 2, 5).bytes();
    var random = new SplittableRandom(1);
    for (int round = 0; round < 20_000; round++) {
      byte[] bytes = sound.clone();
      for (int i = 0; i < 1 + round % 4; i++) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      try {
        parse(bytes).tensors().forEach(tensor -> tensor.data().toArray(ValueLayout.JAVA_BYTE));
      } catch (ModelException e) {
        // rejection is allowed
      }
    }
  }

  @Test
  void rejectsEveryTruncation() {
    byte[] sound = new SafetensorsImage().zeros("a", "F32", 4, 2, 3).bytes();
    for (int length = 0; length < sound.length; length++) {
      byte[] cut = Arrays.copyOf(sound, length);
      assertThrows(ModelException.class, () -> parse(cut), () -> "length " + cut.length);
    }
  }

  @Test
  void namesUnreadableFiles(@TempDir Path directory) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      Path none = directory.resolve("none.safetensors");
      String missing =
          assertThrows(ModelException.class, () -> Safetensors.open(none, arena)).getMessage();
      assertEquals(none + ": no such file", missing);
      assertThrows(ModelException.class, () -> Safetensors.open(directory, arena));
      assertTrue(Files.isDirectory(directory));
    }
  }
}
