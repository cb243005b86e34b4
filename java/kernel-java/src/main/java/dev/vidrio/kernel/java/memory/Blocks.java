package dev.vidrio.kernel.java.memory;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.MemorySegment;
import java.util.EnumSet;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * The decoding of quantized weights: an element is an integer times the scale of its sub-block,
 * plus the sub-block's minimum in types that have one.
 *
 * <p>A block has codes and factors. A code maps to an integer; scales and minima are products of
 * one or two half-precision numbers and, in blocks of 256, of an integer factor per sub-block.
 */
public final class Blocks {
  private static final int[] IQ4 = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
  };

  /** Magnitudes by digit, half of those of ggml; scales are doubled accordingly. */
  private static final int[] IQ3_XXS = {2, 6, 10, 14, 18, 22, 26, 31};

  /** Magnitudes by digit; no grid point has the digit 3. */
  private static final int[] IQ2 = {8, 25, 43, 0};

  /** Twice the values of E2M1: a sign, two exponent bits, one fraction bit. */
  private static final int[] E2M1 = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

  private static final Set<WeightType> LINEAR = EnumSet.noneOf(WeightType.class);

  static {
    for (WeightType type : WeightType.values()) {
      if (type.quantized()
          && codes(type).allMatch(code -> integer(type, code) == code + integer(type, 0))) {
        LINEAR.add(type);
      }
    }
  }

  private Blocks() {}

  /** The factors of a block, independent of the layout. */
  public interface Factors {
    /** Returns half-precision factor i. */
    float half(int i);

    /**
     * Returns integer factor c, as an unsigned number: 8 scales and 8 minima for Q4_K and Q5_K, 16
     * bytes with the scale in the lower half for Q2_K, scales for other types. Those of Q6_K and
     * the IQ types are the bits of a signed byte.
     */
    int whole(int c);
  }

  /** Returns the integer of a code. */
  public static int integer(WeightType type, int code) {
    return switch (type) {
      case Q4_1, Q5_1, Q2_K, Q4_K, Q5_K -> code;
      case Q4_0 -> code - 8;
      case Q5_0 -> code - 16;
      case Q8_0 -> (byte) code;
      case Q3_K -> code - 4;
      case Q6_K -> code - 32;
      case IQ4_NL, IQ4_XS -> IQ4[code];
      case IQ3_S -> signed(2 * (code & 7) + 1, code >> 3);
      case IQ3_XXS -> signed(IQ3_XXS[code & 7], code >> 3);
      case IQ2_S, IQ2_XS, IQ2_XXS -> signed(IQ2[code & 3], code >> 2);
      case IQ1_M, IQ1_S -> 8 * ((code & 3) - 1) + signed(1, code >> 2);
      case Q2_0, TQ1_0, TQ2_0 -> code - 1;
      case MXFP4 -> E2M1[code];
      case F32, F16, BF16 -> throw notQuantized(type);
    };
  }

  /** Returns whether integers are the codes plus a constant. */
  public static boolean isLinear(WeightType type) {
    return LINEAR.contains(type);
  }

  /** Returns the largest magnitude of an integer of a quantized type. */
  public static int maxMagnitude(WeightType type) {
    return codes(type).map(code -> Math.abs(integer(type, code))).max().orElseThrow();
  }

  private static IntStream codes(WeightType type) {
    return IntStream.range(0, 1 << type.codeBits());
  }

  private static int signed(int magnitude, int sign) {
    return sign == 0 ? magnitude : -magnitude;
  }

  /** Returns the scale of sub-block j. Products of factors are exact. */
  public static float scale(WeightType type, Factors f, int j) {
    return switch (type) {
      case Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, Q2_0, TQ1_0, TQ2_0 -> f.half(0);
      case Q2_K -> f.half(0) * (f.whole(j) & 15);
      case Q3_K -> f.half(0) * (f.whole(j) - 32);
      case Q4_K, Q5_K -> f.half(0) * f.whole(j);
      case Q6_K, IQ4_XS, IQ3_S -> f.half(0) * (byte) f.whole(j);
      case IQ3_XXS -> f.half(0) * (byte) f.whole(j) / 2;
      case IQ2_S, IQ2_XS, IQ2_XXS, IQ1_M, IQ1_S -> f.half(0) * (byte) f.whole(j) / 8;
      case MXFP4 -> f.whole(0) == 255 ? Float.NaN : Math.scalb(1f, f.whole(0) - 128);
      case F32, F16, BF16 -> throw notQuantized(type);
    };
  }

  /** Returns the minimum of sub-block j; only for types with minima. */
  public static float minimum(WeightType type, Factors f, int j) {
    return switch (type) {
      case Q4_1, Q5_1 -> f.half(1);
      case Q2_K -> -(f.half(1) * (f.whole(j) >> 4));
      case Q4_K, Q5_K -> -(f.half(1) * f.whole(8 + j));
      default -> throw new IllegalArgumentException(type + " has no minima");
    };
  }

  /**
   * Returns the i-th number of {@code width} bits from an offset on: byte b of a run of {@code run}
   * bytes holds numbers b, run + b, 2 · run + b and so on, the first in its lowest bits.
   */
  static int bits(MemorySegment data, long offset, int width, int run, int i) {
    int perByte = Byte.SIZE / width;
    long at = offset + i / run / perByte * (long) run + i % run;
    int shift = i / run % perByte * width;
    return Byte.toUnsignedInt(data.get(JAVA_BYTE, at)) >> shift & (1 << width) - 1;
  }

  private static IllegalArgumentException notQuantized(WeightType type) {
    return new IllegalArgumentException(type + " is not quantized");
  }
}
