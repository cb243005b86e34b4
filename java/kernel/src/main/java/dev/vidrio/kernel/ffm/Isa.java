package dev.vidrio.kernel.ffm;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.kernel.op.Arithmetic;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** The instruction sets for which there are native kernels. */
public enum Isa {
  /** Plain C, the definition of every operation. */
  SCALAR(Vidrio.VD_ISA_SCALAR()),
  /** AVX2, FMA, F16C. */
  AVX2(Vidrio.VD_ISA_AVX2()),
  /** AVX2 and AVX-VNNI. */
  AVX_VNNI(Vidrio.VD_ISA_AVX_VNNI()),
  /** AVX2 and AVX-512 F, BW, DQ, VL, VNNI. */
  AVX512_VNNI(Vidrio.VD_ISA_AVX512_VNNI()),
  /** AVX-512 VNNI and BF16, for products in bf16. */
  AVX512_BF16(Vidrio.VD_ISA_AVX512_BF16()),
  /** AVX-512 VNNI and BF16, and AMX-TILE, AMX-INT8. */
  AMX_INT8(Vidrio.VD_ISA_AMX_INT8()),
  /** {@link #AMX_INT8} and AMX-BF16, for products in bf16. */
  AMX_BF16(Vidrio.VD_ISA_AMX_BF16()),
  /** Advanced SIMD of Armv8.0. */
  NEON(Vidrio.VD_ISA_NEON()),
  /** NEON and FEAT_DotProd. */
  DOTPROD(Vidrio.VD_ISA_DOTPROD()),
  /** NEON, FEAT_DotProd and FEAT_I8MM. */
  I8MM(Vidrio.VD_ISA_I8MM());

  /** The environment variable that selects an instruction set. */
  public static final String VARIABLE = "VIDRIO_ISA";

  private final int id;

  Isa(int id) {
    this.id = id;
  }

  int id() {
    return id;
  }

  /** Returns the name on the command line and in the environment: {@code avx512_vnni}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * Returns the instruction that computes products in {@link Arithmetic#BF16}, for display. Only
   * that of AMX makes prompts faster than in {@link Arithmetic#INT8}.
   */
  public String bf16Instruction() {
    return switch (this) {
      case AMX_BF16 -> "tdpbf16ps";
      case SCALAR -> "fma of 1 float";
      case NEON, DOTPROD, I8MM -> "fma of 4 floats";
      case AVX2, AVX_VNNI -> "fma of 8 floats";
      case AVX512_VNNI -> "fma of 16 floats";
      case AVX512_BF16, AMX_INT8 -> "vdpbf16ps";
    };
  }

  /** Returns whether prompts are faster in {@link Arithmetic#BF16} than in int8. */
  public boolean prefersBf16() {
    return this == AMX_BF16;
  }

  /** Returns whether this processor and operating system support the instruction set. */
  public boolean usable() {
    NativeLibrary.load();
    return Vidrio.vd_isa_usable(id) == 1;
  }

  /** Returns all usable instruction sets. */
  public static List<Isa> usableHere() {
    return Arrays.stream(values()).filter(Isa::usable).toList();
  }

  /**
   * Returns the instruction set that {@code VIDRIO_ISA} names, or else the best usable one.
   *
   * @throws IllegalArgumentException if the variable names an unknown or unusable one
   */
  public static Isa pick() {
    NativeLibrary.load();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment isa = arena.allocate(JAVA_INT);
      int status = Vidrio.vd_isa_pick(isa);
      if (status != Vidrio.VD_OK()) {
        throw new IllegalArgumentException(
            VARIABLE
                + "="
                + System.getenv(VARIABLE)
                + " is not usable here; usable are "
                + labels());
      }
      return values()[isa.get(JAVA_INT, 0)];
    }
  }

  /**
   * Returns the instruction set with this label.
   *
   * @throws IllegalArgumentException if it is unknown or not usable
   */
  public static Isa of(String label) {
    for (Isa isa : values()) {
      if (isa.label().equals(label) && isa.usable()) {
        return isa;
      }
    }
    throw new IllegalArgumentException(
        "instruction set '" + label + "' is not usable here; usable are " + labels());
  }

  private static String labels() {
    return usableHere().stream().map(Isa::label).collect(Collectors.joining(", "));
  }
}
