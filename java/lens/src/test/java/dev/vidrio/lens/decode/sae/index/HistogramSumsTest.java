package dev.vidrio.lens.decode.sae.index;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class HistogramSumsTest {
  /** The counts are those of the final bins, in any order of values. */
  @Test
  void countsAreExactForEveryRange() {
    var random = new Random(1);
    for (int trial = 0; trial < 200; trial++) {
      var sums = new HistogramSums();
      var values = new float[50];
      int range = random.nextInt(1, 60);
      for (int i = 0; i < values.length; i++) {
        values[i] =
            (float) Math.scalb(0.5 + random.nextDouble() / 2, random.nextInt(range) - range / 2);
        sums.add(values[i]);
      }
      Histogram histogram = sums.histogram();
      int bins = histogram.counts().size();
      assertTrue(bins <= HistogramSums.BINS);
      var counts = new long[bins];
      for (float value : values) {
        counts[(int) (value / histogram.width())]++;
      }
      assertEquals(Arrays.stream(counts).boxed().toList(), histogram.counts());
    }
  }

  @Test
  void rangesOfFloatsFit() {
    var sums = new HistogramSums();
    sums.add(Float.MIN_VALUE);
    sums.add(Float.MAX_VALUE);
    Histogram histogram = sums.histogram();
    assertEquals(2, histogram.counts().stream().mapToLong(c -> c).sum());
    assertEquals(1, histogram.counts().getFirst());
    assertTrue(histogram.width() * histogram.counts().size() > Float.MAX_VALUE);
  }

  @Test
  void noValuesHaveNoBins() {
    assertEquals(List.of(), new HistogramSums().histogram().counts());
  }
}
