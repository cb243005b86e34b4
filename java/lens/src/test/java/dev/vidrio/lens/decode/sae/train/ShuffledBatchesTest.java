package dev.vidrio.lens.decode.sae.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Batches have each row at most once, in an order of the seed. */
class ShuffledBatchesTest {
  private static List<Float> order(ActivationRows rows, long seed) {
    List<Float> order = new ArrayList<>();
    var batches = new ShuffledBatches(rows, 1, 7, seed);
    while (batches.hasNext()) {
      for (float[] row : batches.next()) {
        order.add(row[0]);
      }
    }
    return order;
  }

  @Test
  void usesEachRowOnce() {
    try (var rows = new ActivationRows(1, 30)) {
      for (int i = 0; i < 30; i++) {
        rows.add(new float[] {i});
      }
      List<Float> order = order(rows, 1);
      assertEquals(28, order.size());
      assertEquals(28, Set.copyOf(order).size());
      assertEquals(order, order(rows, 1));
      assertNotEquals(order, order(rows, 2));
    }
  }
}
