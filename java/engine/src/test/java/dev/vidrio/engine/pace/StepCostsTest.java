package dev.vidrio.engine.pace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class StepCostsTest {
  private static final double TOLERANCE = 1e-9;

  private final StepCosts costs = new StepCosts(64);

  @Test
  void interpolatesBetweenMeasurementsAndBeyond() {
    costs.observe(2, 100);
    costs.observe(6, 180);
    assertEquals(100, costs.nanos(1), TOLERANCE);
    assertEquals(100, costs.nanos(2), TOLERANCE);
    assertEquals(140, costs.nanos(4), TOLERANCE);
    assertEquals(180, costs.nanos(6), TOLERANCE);
    assertEquals(200, costs.nanos(7), TOLERANCE);
    assertEquals(180 + 20 * 58, costs.nanos(64), TOLERANCE);
    assertEquals(costs.nanos(64), costs.nanos(100), TOLERANCE);
  }

  /** The time of fewer rows was measured while other processes ran. */
  @Test
  void fewerRowsNeverTakeLonger() {
    costs.observe(2, 100);
    costs.observe(6, 90);
    assertEquals(90, costs.nanos(1), TOLERANCE);
    assertEquals(90, costs.nanos(2), TOLERANCE);
    assertEquals(90, costs.nanos(20), TOLERANCE);
  }

  @Test
  void coversRowsFromTheFewestMeasured() {
    assertFalse(costs.covers(64));
    costs.observe(3, 100);
    assertFalse(costs.covers(2));
    assertTrue(costs.covers(3));
    assertTrue(costs.covers(9));
  }

  @Test
  void assumesCostOfRowsBeforeMeasurements() {
    assertEquals(1, costs.nanos(1), TOLERANCE);
    assertTrue(costs.nanos(2) > 1);
    costs.observe(1, 1000);
    assertEquals(1000, costs.nanos(1), TOLERANCE);
    assertTrue(costs.nanos(2) > 1000);
  }

  @Test
  void delayedStepsHardlyCount() {
    for (int i = 0; i < 100; i++) {
      costs.observe(3, i % 4 == 0 ? 10_000 : 1000);
    }
    assertTrue(costs.nanos(3) < 1200, "nanos " + costs.nanos(3));
  }

  @Test
  void followsSlowerSteps() {
    costs.observe(3, 1000);
    for (int i = 0; i < 100; i++) {
      costs.observe(3, 2000);
    }
    assertEquals(2000, costs.nanos(3), 10);
  }
}
