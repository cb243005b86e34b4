package dev.vidrio.formats.testfiles;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.formats.gguf.GgmlType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Decodes each format by its definition and compares with the encoded values. */
class BlockEncoderTest {

  private static final int BLOCKS = 50;

  @ParameterizedTest
  @EnumSource(names = {"F32", "F16", "Q8_0", "Q4_0", "Q4_1"})
  void decodesWithinHalfAStep(GgmlType type) {
    float[] values = new float[32 * BLOCKS];
    SplittableRandom random = new SplittableRandom(3);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (2 * random.nextDouble() - 1);
    }
    float[] decoded = decode(type, BlockEncoder.encode(type, values), values.length);
    // half a step, and for scale and minimum the half-precision rounding of up to 15 steps
    double tolerance =
        switch (type) {
          case F32 -> 0;
          case F16 -> 1.0 / 2048;
          case Q8_0 -> 0.5 / 127 + 1.0 / 2048;
          // there is no +8: the maximum magnitude may lose a whole step
          case Q4_0 -> 1.0 / 8 + 1.0 / 1024;
          default -> 0.5 * 2 / 15 + 2.0 / 1024;
        };
    for (int i = 0; i < values.length; i++) {
      assertEquals(values[i], decoded[i], tolerance, type + " element " + i);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0", "Q4_1"})
  void encodesZerosExactly(GgmlType type) {
    float[] zeros = new float[32];
    assertArrayEquals(zeros, decode(type, BlockEncoder.encode(type, zeros), 32));
  }

  @Test
  void fillsBlocks() {
    for (GgmlType type : new GgmlType[] {GgmlType.Q8_0, GgmlType.Q4_0, GgmlType.Q4_1}) {
      assertEquals(3 * type.blockBytes(), BlockEncoder.encode(type, new float[96]).length);
    }
  }

  private static float[] decode(GgmlType type, byte[] bytes, int count) {
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    float[] values = new float[count];
    for (int i = 0; i < count; i += type.blockElements()) {
      switch (type) {
        case F32 -> values[i] = in.getFloat();
        case F16 -> values[i] = half(in);
        case Q8_0 -> {
          float scale = half(in);
          for (int j = 0; j < 32; j++) {
            values[i + j] = scale * in.get();
          }
        }
        default -> {
          float scale = half(in);
          float min = type == GgmlType.Q4_1 ? half(in) : -8 * scale;
          for (int j = 0; j < 16; j++) {
            int pair = in.get();
            values[i + j] = min + scale * (pair & 15);
            values[i + 16 + j] = min + scale * ((pair >> 4) & 15);
          }
        }
      }
    }
    return values;
  }

  private static float half(ByteBuffer in) {
    return Float.float16ToFloat(in.getShort());
  }
}
