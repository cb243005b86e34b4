package dev.vidrio.engine.pace;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Compares estimated waits with simulations by hand, in seconds. */
class WaitEstimatorTest {
  private static final double SECOND = 1e9;

  /** Prompts have 100 tokens of 5 ms each while nothing generates. */
  private static WaitEstimator.State state(int places, List<Integer> prompts, List<Long> ends) {
    return new WaitEstimator.State(
        ends.size(), places, prompts, 100, 0.005 * SECOND, ends, 5 * SECOND);
  }

  /** Two of three slots are used, until 4 and 7 s; one request has 400 prompt tokens left. */
  private static final WaitEstimator.State STATE = state(3, List.of(400), ends(4, 7));

  private static List<Long> ends(long... seconds) {
    return Arrays.stream(seconds).map(s -> s * (long) SECOND).boxed().toList();
  }

  private static double expectedWait(WaitEstimator.State state, int unfinished, long now) {
    return state.expectedWait(unfinished, now).orElseThrow().toMillis() / 1000.0;
  }

  @Test
  void requestWithSlotWaitsForEarlierPrompts() {
    double beside = 400 * 0.005 * PrefillBudget.slowdown(1, 2);
    assertEquals(beside, expectedWait(STATE, 3, 0), 1e-3);
  }

  @Test
  void requestWithoutSlotWaitsForSlotAndPrompts() {
    // The earlier request has run its prompt when the first slot becomes free.
    assertEquals(7, expectedWait(state(3, List.of(), ends(7, 9)), 4, 0), 1e-3);
    // One second has passed.
    assertEquals(6, expectedWait(state(3, List.of(), ends(7, 9)), 4, (long) SECOND), 1e-3);
  }

  @Test
  void promptsOfSimultaneousSlotsRunInTurn() {
    WaitEstimator.State wave = state(4, List.of(), ends(9, 9, 9, 9));
    assertEquals(9, expectedWait(wave, 5, 0), 1e-3);
    double each = 0.5 * PrefillBudget.slowdown(4, 2);
    assertEquals(9 + each, expectedWait(wave, 6, 0), 1e-3);
  }

  @Test
  void slotsBecomeFreeAtTheRateOfAnswers() {
    // CompletionStats of 5 s in five slots: one ends every second.
    WaitEstimator.State hopeful =
        new WaitEstimator.State(5, 5, List.of(), 0, 0, ends(0, 0, 0, 0, 0), 5 * SECOND);
    assertEquals(1, expectedWait(hopeful, 6, 0));
    assertEquals(7, expectedWait(hopeful, 12, 0));
  }

  @Test
  void estimatesNoWaitWithoutLoadOrMeasurements() {
    WaitEstimator.State idle = state(3, List.of(), List.of());
    assertEquals(0, expectedWait(idle, 1, 0));
    assertEquals(0.5, expectedWait(idle, 2, 0));
    var unknown = new WaitEstimator.State(3, 3, List.of(), 0, 0, ends(0, 0, 0), 0);
    assertEquals(0, expectedWait(unknown, 3, 0));
    assertEquals(Optional.empty(), unknown.expectedWait(4, 0));
    // Requests that ended since are not counted as unfinished.
    assertEquals(0, expectedWait(unknown, 1, 0));
  }
}
