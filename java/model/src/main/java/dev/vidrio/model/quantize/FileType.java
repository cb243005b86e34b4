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
  F32(0),
  /** 16-bit IEEE floats. */
  F16(1),
  /** Bfloat16. */
  BF16(32),
  /** 8 bits. */
  Q8_0(7),
  /** 4 bits, symmetric. */
  Q4_0(2),
  /** 4 bits with block minima. */
  Q4_1(3),
  /** 5 bits, symmetric. */
  Q5_0(8),
  /** 5 bits with block minima. */
  Q5_1(9),
  /** 2 bits; 3 and more for sensitive matrices. */
  Q2_K(10),
  /** 2 bits; needs an importance matrix. */
  Q2_K_S(21),
  /** 3 bits. */
  Q3_K_S(11),
  /** 3 bits; 4 and 5 for sensitive matrices. */
  Q3_K_M(12),
  /** 3 bits; 5 for sensitive matrices. */
  Q3_K_L(13),
  /** 4 bits. */
  Q4_K_S(14),
  /** 4 bits; 6 for sensitive matrices. */
  Q4_K_M(15),
  /** 5 bits. */
  Q5_K_S(16),
  /** 5 bits; 6 for sensitive matrices. */
  Q5_K_M(17),
  /** 6 bits. */
  Q6_K(18),
  /** 4 bits, non-linear. */
  IQ4_NL(25),
  /** 4 bits, non-linear, with 6-bit scales. */
  IQ4_XS(30),
  /** 4-bit floats for experts, 8 bits for all other matrices. */
  MXFP4_MOE(38);

  private final int number;
  private final GgmlType matrices;

  FileType(int number) {
    this.number = number;
    this.matrices = GgmlType.valueOf(name().replaceFirst("_(S|M|L|MOE)$", ""));
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
