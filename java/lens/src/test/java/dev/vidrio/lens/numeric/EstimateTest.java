package dev.vidrio.lens.numeric;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class EstimateTest {
  /** The standard deviation of 2, 4, 9 is √13. */
  @Test
  void computesMeanAndInterval() {
    Estimate estimate = Estimate.of(new double[] {2, 4, 9});
    assertEquals(5, estimate.mean(), 1e-12);
    assertEquals(1.96 * Math.sqrt(13.0 / 3), estimate.halfWidth(), 1e-12);
    assertEquals(3, estimate.count());
  }

  @Test
  void hasNoIntervalOfOneValue() {
    Estimate one = Estimate.of(new double[] {7});
    assertEquals(7, one.mean());
    assertTrue(Double.isNaN(one.halfWidth()));
    assertTrue(Double.isNaN(Estimate.of(new double[0]).mean()));
  }
}
