package dev.vidrio.lens.decode.sae.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.model.sampling.SplitMix64;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Selection of a rank by counting, compared with sorting. */
class BatchThresholdTest {
  private static float sorted(float[][] values, int kept) {
    List<Float> all = new ArrayList<>();
    for (float[] row : values) {
      for (float value : row) {
        if (value > 0) {
          all.add(value);
        }
      }
    }
    all.sort(Comparator.reverseOrder());
    return kept > all.size() ? 0 : all.get(kept - 1);
  }

  @Test
  void equalsSorting() {
    var random = new SplitMix64(5);
    var values = new float[21][37];
    for (float[] row : values) {
      for (int j = 0; j < row.length; j++) {
        double x = random.nextDouble() - 0.5;
        // Few different values, so that there are ties, and others of all sizes.
        row[j] = j % 3 == 0 ? Math.round(8 * x) : (float) (x * Math.pow(2, 40 * x));
      }
    }
    for (int kept = 1; kept <= 21 * 37 + 1; kept++) {
      assertEquals(sorted(values, kept), BatchThreshold.of(values, kept), "kept " + kept);
    }
  }

  /** A sample of rows may suggest a bound that is too large or too small. */
  @ParameterizedTest
  @ValueSource(ints = {-1, 0, 1})
  void equalsSortingOfLargeBatches(int slope) {
    var random = new SplitMix64(6);
    var values = new float[100][30];
    for (int i = 0; i < values.length; i++) {
      boolean sampled = i % 16 == 0;
      for (int j = 0; j < values[i].length; j++) {
        values[i][j] = (float) (random.nextDouble() - 0.3) + (sampled ? slope : 0);
      }
    }
    for (int kept : new int[] {1, 2, 30, 500, 2000, 3001}) {
      assertEquals(sorted(values, kept), BatchThreshold.of(values, kept), "kept " + kept);
    }
  }

  @Test
  void skipsValuesThatAreNotPositive() {
    float[][] values = {{-1, 0, -0f, Float.NaN}, {Float.MIN_VALUE, Float.POSITIVE_INFINITY}};
    assertEquals(Float.POSITIVE_INFINITY, BatchThreshold.of(values, 1));
    assertEquals(Float.MIN_VALUE, BatchThreshold.of(values, 2));
    assertEquals(0, BatchThreshold.of(values, 3));
    assertEquals(0, BatchThreshold.of(values, 1L << 40));
  }
}
