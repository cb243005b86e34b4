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
  void fillsRowsWhenPositionsAreReached() {
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

  /** The factor of Ministral 3, 1 + 0.5 ln(1 + ⌊p / 16⌋), is 1 at the first 16 positions. */
  @Test
  void temperature_scalesRotatedPairs() {
    var rotation =
        new Rotation(Rotation.Pairs.HALVES, List.of(0.3), 1.5)
            .withTemperature(new Rotation.Temperature(0.5, 16, 0));
    for (int p : new int[] {0, 15, 16, 31, 32, 1000}) {
      double magnitude = 1.5 * (1 + 0.5 * Math.log(1 + Math.floor(p / 16.0)));
      assertEquals(magnitude * Math.cos(0.3 * p), rotation.cos(p, 0), 1e-6);
      assertEquals(magnitude * Math.sin(0.3 * p), rotation.sin(p, 0), 1e-6);
      assertEquals(-rotation.sin(p, 0), rotation.negated().sin(p, 0));
    }
  }

  /** Queries of Llama 4 layers without RoPE have a temperature too. */
  @Test
  void temperature_scalesIdentityPairs() {
    Rotation rotation = Rotation.identity(4).withTemperature(new Rotation.Temperature(0.1, 8, 1));
    for (int p : new int[] {0, 6, 7, 8, 14, 15, 1000}) {
      for (int j = 0; j < 2; j++) {
        double growth = 1 + 0.1 * Math.log1p(Math.floor((p + 1) / 8.0));
        assertEquals(growth, rotation.cos(p, j), 1e-6);
        assertEquals(0, rotation.sin(p, j));
      }
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
