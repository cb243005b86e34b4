package dev.vidrio.kernel.ffm;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.vidrio.bindings.Vidrio;
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
  /** AVX-512 VNNI and BF16; BF16 is used by fast products only. */
  AVX512_BF16(Vidrio.VD_ISA_AVX512_BF16()),
  /** AVX-512 VNNI and BF16, and AMX-TILE, AMX-INT8. */
  AMX_INT8(Vidrio.VD_ISA_AMX_INT8()),
  /** {@link #AMX_INT8} and AMX-BF16; AMX-BF16 is used by fast products only. */
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

  /** Describes how fast products are computed, for display. */
  public String fastProducts() {
    return switch (this) {
      case AVX2, AVX_VNNI -> "F32 weights by OpenBLAS";
      case AVX512_BF16, AMX_INT8 -> "F16 and BF16 weights in bf16";
      case AMX_BF16 -> "all weights but F32 in bf16";
      case SCALAR, AVX512_VNNI, NEON, DOTPROD, I8MM -> "none";
    };
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
