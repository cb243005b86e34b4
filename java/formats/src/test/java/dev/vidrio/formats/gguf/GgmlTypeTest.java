package dev.vidrio.formats.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class GgmlTypeTest {

  /** Id, name, block elements and block bytes, from ggml's headers. */
  private static final String GGML =
      """
      0 F32 1 4
      1 F16 1 2
      2 Q4_0 32 18
      3 Q4_1 32 20
      6 Q5_0 32 22
      7 Q5_1 32 24
      8 Q8_0 32 34
      9 Q8_1 32 36
      10 Q2_K 256 84
      11 Q3_K 256 110
      12 Q4_K 256 144
      13 Q5_K 256 176
      14 Q6_K 256 210
      15 Q8_K 256 292
      16 IQ2_XXS 256 66
      17 IQ2_XS 256 74
      18 IQ3_XXS 256 98
      19 IQ1_S 256 50
      20 IQ4_NL 32 18
      21 IQ3_S 256 110
      22 IQ2_S 256 82
      23 IQ4_XS 256 136
      24 I8 1 1
      25 I16 1 2
      26 I32 1 4
      27 I64 1 8
      28 F64 1 8
      29 IQ1_M 256 56
      30 BF16 1 2
      34 TQ1_0 256 54
      35 TQ2_0 256 66
      39 MXFP4 32 17
      40 NVFP4 64 36
      41 Q1_0 128 18
      42 Q2_0 64 18
      """;

  @Test
  void matchesGgml() {
    String ours =
        Arrays.stream(GgmlType.values())
            .map(t -> t.id() + " " + t + " " + t.blockElements() + " " + t.blockBytes() + "\n")
            .collect(Collectors.joining());
    assertEquals(GGML, ours);
  }

  @Test
  void findsTypesById() {
    for (GgmlType type : GgmlType.values()) {
      assertEquals(Optional.of(type), GgmlType.ofId(type.id()));
    }
    for (long id : new long[] {-1, 4, 5, 31, 33, 36, 38, 43, 0xffffffffL, Long.MIN_VALUE}) {
      assertEquals(Optional.empty(), GgmlType.ofId(id));
    }
  }

  @Test
  void computesBytesOfWholeBlocks() {
    assertEquals(0, GgmlType.Q4_K.bytes(0));
    assertEquals(2 * 144, GgmlType.Q4_K.bytes(512));
    assertEquals(4L << 40, GgmlType.F32.bytes(1L << 40));
    assertThrows(IllegalArgumentException.class, () -> GgmlType.Q8_0.bytes(33));
    assertThrows(IllegalArgumentException.class, () -> GgmlType.F32.bytes(-1));
    assertThrows(ArithmeticException.class, () -> GgmlType.F32.bytes(1L << 61));
    assertThrows(ArithmeticException.class, () -> GgmlType.Q8_0.bytes(Long.MAX_VALUE - 31));
  }
}
