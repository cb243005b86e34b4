package dev.vidrio.lens.numeric;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class EstimateTest {
  /** 1.96 · s / √n with s² = 2.5 and n = 5. */
  @Test
  void intervalEqualsFormula() {
    Estimate estimate = Estimate.of(new double[] {1, 2, 3, 4, 5});
    assertEquals(3, estimate.mean());
    assertEquals(1.96 * Math.sqrt(0.5), estimate.halfWidth(), 1e-12);
    assertEquals(5, estimate.count());
    assertEquals("3.000 ± 1.386", estimate.toString());
  }

  @Test
  void fewValuesHaveNoInterval() {
    Estimate one = Estimate.of(new double[] {2.5});
    assertTrue(Double.isNaN(one.halfWidth()));
    assertEquals("2.500", one.toString());
    assertTrue(Double.isNaN(Estimate.of(new double[0]).mean()));
  }
}
