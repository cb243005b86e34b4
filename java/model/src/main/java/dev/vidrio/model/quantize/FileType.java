package dev.vidrio.model.quantize;

import dev.vidrio.formats.gguf.GgmlType;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * The quantization type of a file, with its number in {@code general.file_type}. It names the type
 * of most matrices; sensitive matrices get more bits, more of them in types that end in {@code _M}
 * and {@code _L}.
 */
public enum FileType {
  /** 32-bit floats. */
  F32(0, GgmlType.F32),
  /** 16-bit IEEE floats. */
  F16(1, GgmlType.F16),
  /** Bfloat16. */
  BF16(32, GgmlType.BF16),
  /** 8 bits. */
  Q8_0(7, GgmlType.Q8_0),
  /** 4 bits, symmetric. */
  Q4_0(2, GgmlType.Q4_0),
  /** 4 bits with block minima. */
  Q4_1(3, GgmlType.Q4_1),
  /** 5 bits, symmetric. */
  Q5_0(8, GgmlType.Q5_0),
  /** 5 bits with block minima. */
  Q5_1(9, GgmlType.Q5_1),
  /** 2 bits; 3 and more for sensitive matrices. */
  Q2_K(10, GgmlType.Q2_K),
  /** 2 bits; needs an importance matrix. */
  Q2_K_S(21, GgmlType.Q2_K),
  /** 3 bits. */
  Q3_K_S(11, GgmlType.Q3_K),
  /** 3 bits; 4 and 5 for sensitive matrices. */
  Q3_K_M(12, GgmlType.Q3_K),
  /** 3 bits; 5 for sensitive matrices. */
  Q3_K_L(13, GgmlType.Q3_K),
  /** 4 bits. */
  Q4_K_S(14, GgmlType.Q4_K),
  /** 4 bits; 6 for sensitive matrices. */
  Q4_K_M(15, GgmlType.Q4_K),
  /** 5 bits. */
  Q5_K_S(16, GgmlType.Q5_K),
  /** 5 bits; 6 for sensitive matrices. */
  Q5_K_M(17, GgmlType.Q5_K),
  /** 6 bits. */
  Q6_K(18, GgmlType.Q6_K),
  /** 4 bits, non-linear. */
  IQ4_NL(25, GgmlType.IQ4_NL),
  /** 4 bits, non-linear, with 6-bit scales. */
  IQ4_XS(30, GgmlType.IQ4_XS),
  /** 4-bit floats for experts, 8 bits for all other matrices. */
  MXFP4_MOE(38, GgmlType.MXFP4);

  private final int number;
  private final GgmlType matrices;

  FileType(int number, GgmlType matrices) {
    this.number = number;
    this.matrices = matrices;
  }

  /** Returns the type with a name, ignoring case; {@code Q4_K} is {@code Q4_K_M} and so on. */
  public static Optional<FileType> ofName(String name) {
    String upper = name.toUpperCase(Locale.ROOT);
    String full = upper.matches("Q[345]_K") ? upper + "_M" : upper;
    return Arrays.stream(values()).filter(type -> type.name().equals(full)).findFirst();
  }

  /** Returns the type's number in files. */
  public int number() {
    return number;
  }

  /** Returns the type of most matrices. */
  public GgmlType matrices() {
    return matrices;
  }

  /** Returns whether matrices are quantized in blocks. */
  boolean isQuantized() {
    return matrices.blockElements() > 1;
  }
}
