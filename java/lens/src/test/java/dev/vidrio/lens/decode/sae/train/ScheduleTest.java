package dev.vidrio.lens.decode.sae.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The learning rate of steps, and limits. */
class ScheduleTest {
  private static Schedule schedule(double rate, int steps) {
    return new Schedule(rate, 1, steps, 1, 1, 0);
  }

  @Test
  void rateFallsInLastFifth() {
    Schedule schedule = schedule(2, 20);
    double[] rates = IntStream.rangeClosed(15, 22).mapToDouble(schedule::rate).toArray();
    assertArrayEquals(new double[] {2, 2, 2, 1.5, 1, 0.5, 0, 0}, rates);
    assertEquals(2, schedule(2, 1).rate(1));
  }

  @Test
  void rejectsInvalidValues() {
    for (double rate : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThrows(InvalidInputException.class, () -> schedule(rate, 1));
    }
    assertThrows(InvalidInputException.class, () -> schedule(1, 0));
  }
}
