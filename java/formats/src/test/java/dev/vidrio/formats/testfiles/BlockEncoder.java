package dev.vidrio.formats.testfiles;

import dev.vidrio.formats.gguf.GgmlType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Encodes numbers in the formats of test models. The rounding is arbitrary: tests depend only on
 * the encoded bytes.
 */
public final class BlockEncoder {

  private static final int BLOCK = 32;

  private BlockEncoder() {}

  public static byte[] encode(GgmlType type, float[] values) {
    byte[] bytes = new byte[(int) type.bytes(values.length)];
    int hash = Arrays.hashCode(values);
    ByteBuffer out = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < values.length; i += type.blockElements()) {
      switch (type) {
        case F32 -> out.putFloat(values[i]);
        case F16 -> out.putShort(Float.floatToFloat16(values[i]));
        case Q8_0 -> putQ8(out, values, i);
        case Q4_0 -> {
          float scale = putHalf(out, magnitude(values, i) / 8);
          putNibbles(out, values, i, -8 * scale, scale);
        }
        case Q4_1 -> {
          float min = min(values, i);
          float scale = putHalf(out, (max(values, i) - min) / 15);
          putNibbles(out, values, i, putHalf(out, min), scale);
        }
        case BF16 -> out.putShort((short) (Float.floatToRawIntBits(values[i]) >> Short.SIZE));
        default -> putRandom(out, type, hash + i);
      }
    }
    return bytes;
  }

  /**
   * Puts a block of seeded random bits with small scales, for formats with tests that need every
   * bit to matter but no particular values.
   */
  private static void putRandom(ByteBuffer out, GgmlType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    byte[] bytes = new byte[type.blockBytes()];
    random.nextBytes(bytes);
    if (type == GgmlType.MXFP4) {
      bytes[0] = (byte) random.nextInt(119, 124);
    }
    ByteBuffer block = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    float magnitude = type.blockElements() > BLOCK ? 0.001f : 0.01f;
    for (int half = 0; half < type.halves(); half++) {
      float factor = magnitude * (float) random.nextDouble(-1, 1);
      putFactor(type, block, type.halfOffset() + half * Short.BYTES, factor);
    }
    out.put(bytes);
  }

  private static void putFactor(GgmlType type, ByteBuffer block, int at, float factor) {
    short bits = Float.floatToFloat16(factor);
    if (type != GgmlType.IQ1_M) {
      block.putShort(at, bits);
      return;
    }
    for (int i = 0; i < 4; i++) { // in the upper nibbles of every second byte
      int low = block.get(49 + 2 * i) & 15;
      block.put(49 + 2 * i, (byte) (low | (bits >> (4 * i) & 15) << 4));
    }
  }

  /** Q8_0: a half-precision scale and 32 signed bytes; x = scale · q. */
  private static void putQ8(ByteBuffer out, float[] values, int start) {
    float scale = putHalf(out, magnitude(values, start) / 127);
    for (int i = start; i < start + BLOCK; i++) {
      out.put((byte) quant(values[i], scale, -127, 127));
    }
  }

  /**
   * Puts the 32 nibbles of Q4_0 (after a scale; min = −8 · scale) or Q4_1 (after scale and min); x
   * = min + scale · q. Byte j holds element j in its low nibble and 16 + j in its high nibble.
   */
  private static void putNibbles(
      ByteBuffer out, float[] values, int start, float min, float scale) {
    for (int j = start; j < start + BLOCK / 2; j++) {
      int low = quant(values[j] - min, scale, 0, 15);
      int high = quant(values[j + BLOCK / 2] - min, scale, 0, 15);
      out.put((byte) (low | high << 4));
    }
  }

  /** Puts a number in half precision and returns the rounded value. */
  private static float putHalf(ByteBuffer out, float value) {
    short half = Float.floatToFloat16(value);
    out.putShort(half);
    return Float.float16ToFloat(half);
  }

  private static int quant(float value, float scale, int min, int max) {
    return scale == 0 ? 0 : Math.clamp(Math.round(value / scale), min, max);
  }

  private static float magnitude(float[] values, int start) {
    return Math.max(max(values, start), -min(values, start));
  }

  private static float max(float[] values, int start) {
    float max = values[start];
    for (int i = start; i < start + BLOCK; i++) {
      max = Math.max(max, values[i]);
    }
    return max;
  }

  private static float min(float[] values, int start) {
    float min = values[start];
    for (int i = start; i < start + BLOCK; i++) {
      min = Math.min(min, values[i]);
    }
    return min;
  }
}
