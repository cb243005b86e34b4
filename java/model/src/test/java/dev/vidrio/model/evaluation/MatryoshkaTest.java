package dev.vidrio.model.evaluation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import org.junit.jupiter.api.Test;

class MatryoshkaTest {
  private static final float[] VECTOR = {3, 4, 12};

  @Test
  void shortensAndNormalizes() {
    assertArrayEquals(new float[] {0.6f, 0.8f}, Matryoshka.shorten(VECTOR, 2, true));
    assertArrayEquals(new float[] {3, 4}, Matryoshka.shorten(VECTOR, 2, false));
    assertArrayEquals(new float[] {0, 0}, Matryoshka.shorten(new float[3], 2, true));
    assertSame(VECTOR, Matryoshka.shorten(VECTOR, 3, true));
  }

  @Test
  void rejectsInvalidDimensions() {
    for (int dimensions : new int[] {-1, 0, 4}) {
      String message =
          assertThrows(
                  InvalidInputException.class, () -> Matryoshka.shorten(VECTOR, dimensions, true))
              .getMessage();
      assertEquals("dimensions " + dimensions + ": must be 1 to 3", message);
    }
  }
}
