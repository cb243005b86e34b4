package dev.vidrio.bench;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class BitsTest {
  @Test
  void equalBits_pass() {
    assertDoesNotThrow(() -> Bits.requireSame(floats(1, -0f), floats(1, -0f), "it"));
  }

  @Test
  void otherSignOfZero_throws() {
    assertEquals(
        "it differs from the scalar executor at element 1: 0x0.0p0, not -0x0.0p0",
        message(floats(1, -0f), floats(1, 0f)));
  }

  @Test
  void otherLength_throws() {
    assertEquals("it has 4 bytes, not 8", message(floats(1, 2), floats(1)));
  }

  private static String message(MemorySegment expected, MemorySegment actual) {
    return String.valueOf(
        assertThrows(IllegalStateException.class, () -> Bits.requireSame(expected, actual, "it"))
            .getMessage());
  }

  private static MemorySegment floats(float... values) {
    return MemorySegment.ofArray(values);
  }
}
