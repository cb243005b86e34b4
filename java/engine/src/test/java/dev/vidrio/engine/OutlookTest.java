package dev.vidrio.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Expected waits against simulations by hand; times are seconds. */
class OutlookTest {
  private static final double SECOND = 1e9;

  /** Two that run of three, ending after 4 and 7 s; prompts: 2 s are left, 0.5 s each. */
  private static final Outlook.State STATE =
      new Outlook.State(2, 3, ends(4, 7), 5 * SECOND, 2 * SECOND, 0.5 * SECOND);

  private static List<Long> ends(long... seconds) {
    return Arrays.stream(seconds).map(s -> s * (long) SECOND).boxed().toList();
  }

  private static double expectedWait(Outlook.State state, int unfinished, long now) {
    return state.expectedWait(unfinished, now).toMillis() / 1000.0;
  }

  @Test
  void whoHasAPlaceWaitsForThePromptsBefore() {
    assertEquals(2, expectedWait(STATE, 3, 0));
  }

  @Test
  void othersWaitForAPlaceAndThePromptsBefore() {
    // The first end is after 4 s, when the prompt of the third has run for 0.5 s already.
    assertEquals(4, expectedWait(STATE, 4, 0));
    assertEquals(7, expectedWait(STATE, 5, 0));
    // A second of these has passed.
    assertEquals(6, expectedWait(STATE, 5, (long) SECOND));
  }

  @Test
  void promptsOfThoseThatGetPlacesTogetherRunInTurn() {
    var wave = new Outlook.State(3, 3, ends(1, 1, 1), 0, 0, 0.5 * SECOND);
    assertEquals(1, expectedWait(wave, 4, 0));
    assertEquals(1.5, expectedWait(wave, 5, 0));
    assertEquals(2, expectedWait(wave, 6, 0));
  }

  @Test
  void placesBecomeFreeNoFasterThanAnswersEnd() {
    // Answers of 6 s in three places: one ends every 2 s.
    var hopeful = new Outlook.State(3, 3, ends(0, 0, 0), 6 * SECOND, 0, 0);
    assertEquals(2, expectedWait(hopeful, 4, 0));
    assertEquals(8, expectedWait(hopeful, 7, 0));
  }

  @Test
  void nobodyWaitsWhereNothingRunsOrIsKnown() {
    var idle = new Outlook.State(0, 3, List.of(), 5 * SECOND, 0, 0.5 * SECOND);
    assertEquals(0, expectedWait(idle, 1, 0));
    assertEquals(0.5, expectedWait(idle, 2, 0));
    var unknown = new Outlook.State(3, 3, ends(0, 0, 0), 0, 0, 0);
    assertEquals(0, expectedWait(unknown, 9, 0));
    // Those that have ended since are not among the unfinished any more.
    assertEquals(0, expectedWait(unknown, 1, 0));
  }
}
