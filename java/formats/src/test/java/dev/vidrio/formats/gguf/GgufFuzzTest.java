package dev.vidrio.formats.gguf;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelException;
import dev.vidrio.formats.testfiles.GgufImage;
import dev.vidrio.formats.testfiles.SampleFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random damage: a file is either fully readable or rejected with a {@link ModelException}. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class GgufFuzzTest {

  @Test
  void rejectsEveryTruncation() {
    GgufImage image = SampleFile.writer().uint32("a.uint64", 1).toImage();
    // the last tensor ends with the file, so its data is truncated too
    for (int length = 0; length < image.bytes().length; length++) {
      byte[] cut = image.cut(length);
      assertThrows(ModelException.class, () -> use(cut), () -> "length " + cut.length);
    }
    assertDoesNotThrow(() -> use(image.bytes()));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 8, 64})
  void survivesFlippedBytes(int flips) {
    byte[] sound = SampleFile.image().bytes();
    SplittableRandom random = new SplittableRandom(flips);
    for (int round = 0; round < 5000; round++) {
      byte[] bytes = sound.clone();
      for (int i = 0; i < flips; i++) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      tryToUse(bytes);
    }
  }

  /** Values at the limits of their types, where lengths, counts and offsets overflow. */
  @Test
  void survivesExtremeNumbers() {
    byte[] sound = SampleFile.image().bytes();
    long[] edges = {
      0, 1, -1, 1L << 31, (1L << 31) - 1, 1L << 32, Long.MAX_VALUE, Long.MIN_VALUE, 1L << 60
    };
    for (int at = 4; at + 8 <= sound.length; at++) {
      for (long edge : edges) {
        byte[] bytes = sound.clone();
        MemorySegment.ofArray(bytes).set(ValueLayout.JAVA_LONG_UNALIGNED, at, edge);
        tryToUse(bytes);
      }
    }
  }

  @Test
  void survivesNoiseAfterMagic() {
    SplittableRandom random = new SplittableRandom(7);
    for (int round = 0; round < 5000; round++) {
      byte[] bytes = new byte[8 + random.nextInt(500)];
      random.nextBytes(bytes);
      System.arraycopy(SampleFile.image().bytes(), 0, bytes, 0, 8);
      Arrays.fill(bytes, Math.min(bytes.length, 9), Math.min(bytes.length, 16), (byte) 0);
      Arrays.fill(bytes, Math.min(bytes.length, 17), Math.min(bytes.length, 24), (byte) 0);
      tryToUse(bytes);
    }
  }

  private static void tryToUse(byte[] bytes) {
    try {
      use(bytes);
    } catch (ModelException e) {
      // rejection is allowed
    }
  }

  /** Reads a file and then every value, once by listing and once through the typed getters. */
  private static void use(byte[] bytes) {
    Gguf gguf = Gguf.parse("fuzz", MemorySegment.ofArray(bytes));
    for (Map.Entry<String, GgufValue> entry : gguf.metadata().entries().entrySet()) {
      assertNotNull(entry.getValue().toString());
      if (entry.getValue() instanceof GgufValue.Array array) {
        array.forEach(element -> assertNotNull(element.toString()));
      }
      readTyped(gguf.metadata(), entry.getKey(), entry.getValue());
    }
    for (GgufTensor tensor : gguf.tensors()) {
      assertNotEquals(0, tensor.data().byteSize());
      assertTrue(tensor.offset() + tensor.data().byteSize() <= bytes.length);
    }
  }

  private static void readTyped(Metadata metadata, String key, GgufValue value) {
    switch (value) {
      case GgufValue.Int number -> metadata.longValue(key, Long.MIN_VALUE, Long.MAX_VALUE);
      case GgufValue.Real number -> metadata.floatValue(key, -1e38f, 1e38f);
      case GgufValue.Bool bool -> metadata.boolValue(key);
      case GgufValue.Text text -> metadata.string(key);
      case GgufValue.Array array -> readTyped(metadata, key, array.elementType());
    }
  }

  private static void readTyped(Metadata metadata, String key, GgufValueType element) {
    if (element.isInteger()) {
      metadata.ints(key);
    } else if (element.isReal()) {
      metadata.floats(key);
    } else if (element == GgufValueType.STRING) {
      metadata.strings(key);
    }
  }
}
