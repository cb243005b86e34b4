package dev.vidrio.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ShapeTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "bard",
        "smollm2-135m",
        "gemma-3-270m",
        "qwen2.5-0.5b",
        "llama-3.2-1b",
        "qwen2.5-7b"
      })
  void widthsAreConsistent(String model) {
    Shape shape = Shape.of(model);
    assertEquals(0, shape.heads() % shape.kvHeads());
    assertEquals(0, shape.qWidth() % 32);
    assertEquals(0, shape.d() % 32);
    assertEquals(0, shape.dFfn() % 32);
  }

  @Test
  void unknownModel_throws() {
    var error = assertThrows(IllegalArgumentException.class, () -> Shape.of("none"));
    assertEquals("model none: not found in bench/shapes", error.getMessage());
  }

  @Test
  void projectionShapesMatch() {
    Shape shape = Shape.of("smollm2-135m");
    assertEquals(Projection.FFN_UP.n(shape), Projection.FFN_DOWN.k(shape));
    assertEquals(Projection.ATTN_Q.n(shape), Projection.ATTN_OUTPUT.k(shape));
    assertEquals(192, Projection.ATTN_K.n(shape));
    assertEquals(49152, Projection.UNEMBED.n(shape));
  }
}
