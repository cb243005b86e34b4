package dev.vidrio.kernel.execution;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.kernel.HeapExecutor;
import dev.vidrio.kernel.op.Rotation;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.Test;

class RotationTableTest {
  @Test
  void rowsAreFilledAsTheyAreReached() {
    var rotation = new Rotation(Rotation.Pairs.HALVES, List.of(1.0, 0.01), 1.5);
    try (Arena arena = Arena.ofConfined()) {
      var table = new RotationTable(rotation, 70, new HeapExecutor(), arena);
      table.ensure(1);
      check(table, rotation, 0, 64);
      assertEquals(0, table.cos().getAtIndex(JAVA_FLOAT, 64 * 2));
      table.ensure(70);
      check(table, rotation, 0, 70);
    }
  }

  private static void check(RotationTable table, Rotation rotation, int from, int to) {
    for (int p = from; p < to; p++) {
      for (int j = 0; j < 2; j++) {
        double angle = p * rotation.frequencies().get(j);
        assertEquals(
            (float) (1.5 * StrictMath.cos(angle)), table.cos().getAtIndex(JAVA_FLOAT, p * 2 + j));
        assertEquals(
            (float) (1.5 * StrictMath.sin(angle)), table.sin().getAtIndex(JAVA_FLOAT, p * 2 + j));
      }
    }
  }
}
