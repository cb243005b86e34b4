package dev.vidrio.lens.decode.sae.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Rows in several allocations, and their means. */
class ActivationRowsTest {
  private static final int COLUMNS = 1 << 20;

  @Test
  void keepsRowsOfSeveralBlocks() {
    var row = new float[COLUMNS];
    try (var rows = new ActivationRows(COLUMNS, 6)) {
      for (int round = 0; round < 2; round++) {
        rows.clear();
        for (int i = 0; i < 6; i++) {
          assertFalse(rows.isFull());
          row[0] = i + round;
          row[COLUMNS - 1] = -i;
          rows.add(row);
        }
        assertTrue(rows.isFull());
        assertEquals(6, rows.size());
        for (int i = 0; i < 6; i++) {
          rows.copy(i, row);
          assertEquals(i + round, row[0]);
          assertEquals(-i, row[COLUMNS - 1]);
        }
      }
    }
  }

  @Test
  void concatenatesParts() {
    try (var rows = new ActivationRows(5, 3)) {
      rows.add(new float[] {3, 4}, new float[] {1, 2, 2});
      rows.add(new float[] {0, 1}, new float[] {0, 5, 0});
      var row = new float[5];
      rows.copy(1, row);
      assertArrayEquals(new float[] {0, 1, 0, 5, 0}, row);
      var means = new ActivationMeans(rows, 2, 3);
      assertEquals(Math.sqrt(2) / 3, means.scale(0), 1e-6);
      assertEquals(Math.sqrt(3) / 4, means.scale(1), 1e-6);
      assertEquals(2 * 3.5, means.mean(3, 2));
    }
  }
}
