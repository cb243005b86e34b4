package dev.vidrio.lens.hook;

import static dev.vidrio.lens.Caches.assertSame;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.LensSession;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.SessionOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Code of the caller in the middle of a pass. */
class HookTest extends BardTest {
  private static final int[] TOKENS =
      IntStream.range(0, 30).map(i -> (i * 37 + 11) % 2048).toArray();
  private static final Capture ALL = Capture.of("*");
  private static final HookPoint RESID = new HookPoint(HookSite.RESID_POST, 1);
  private static final HookPoint Z = new HookPoint(HookSite.Z, 2);
  private static final HookPoint LN_FINAL = HookPoint.of(HookSite.LN_FINAL_SCALE);
  private static final HookPoint LOGITS = HookPoint.of(HookSite.LOGITS);

  private static void scale(StepRows rows, float factor) {
    for (int i = 0; i < rows.size(); i++) {
      for (long j = 0; j < rows.row(i).byteSize() / Float.BYTES; j++) {
        rows.row(i).setAtIndex(JAVA_FLOAT, j, factor * rows.row(i).getAtIndex(JAVA_FLOAT, j));
      }
    }
  }

  @Test
  void equalsEquivalentEdit() {
    Map<HookPoint, Hook> hooks =
        Map.of(
            LOGITS, rows -> scale(rows, 3),
            LN_FINAL, rows -> scale(rows, 0.5f),
            Z, rows -> scale(rows, -1),
            RESID, rows -> scale(rows, 2));
    List<Intervention> edits =
        List.of(
            Intervention.scale(LOGITS, 3),
            Intervention.scale(LN_FINAL, 0.5f),
            Intervention.scale(Z, -1),
            Intervention.scale(RESID, 2));
    try (ActivationCache expected = lens.run(TOKENS, ALL, edits);
        ActivationCache actual = lens.run(TOKENS, ALL, hooks)) {
      assertSame(expected, actual);
    }
  }

  @Test
  void readsTheRowsOfAllSequences() {
    List<String> seen = new ArrayList<>();
    try (LensSession session =
        lens.open(Capture.of(RESID.name()), SessionOptions.exact(64, 8, 2, 2), "*")) {
      Sequence a = session.newSequence();
      Sequence b = session.newSequence();
      session.feed(a, TOKENS[0], TOKENS[1]);
      session.hooks(
          Map.of(
              RESID,
              rows -> {
                for (int i = 0; i < rows.size(); i++) {
                  seen.add((rows.sequence(i) == a ? "a" : "b") + rows.position(i));
                }
              },
              LOGITS,
              rows -> seen.add(rows.point() + " " + rows.position(0))));
      session.begin();
      session.add(a, TOKENS[2], true);
      session.add(b, TOKENS[3], false);
      session.add(b, TOKENS[4], false);
      session.run();
      assertEquals(List.of("a2", "b0", "b1", "unembed.hook_out 2"), seen);
    }
  }

  @Test
  void restoresStateIfHookThrows() {
    Hook fails =
        rows -> {
          scale(rows, 7);
          throw new UnsupportedOperationException("not today");
        };
    assertThrows(
        UnsupportedOperationException.class,
        () -> lens.run(TOKENS, ALL, Map.of(RESID, fails)).close());
    try (ActivationCache expected = lens.run(TOKENS, ALL);
        LensSession session = lens.open(ALL, SessionOptions.exact(64, 8, 1, 8), "*resid_post")) {
      Sequence sequence = session.newSequence();
      session.feed(sequence, IntStream.range(0, 10).map(i -> TOKENS[i]).toArray());
      session.hooks(Map.of(RESID, fails));
      assertThrows(
          UnsupportedOperationException.class, () -> session.feed(sequence, TOKENS[10], 4, 5));
      assertEquals(10, sequence.length());
      // In the second step of three.
      Hook failsLate =
          rows -> {
            if (rows.position(0) >= 18) {
              throw new UnsupportedOperationException("not today");
            }
          };
      int[] rest = IntStream.range(10, 30).map(i -> TOKENS[i]).toArray();
      session.hooks(Map.of(RESID, failsLate));
      assertThrows(UnsupportedOperationException.class, () -> session.feed(sequence, rest));
      assertEquals(10, sequence.length());
      session.hooks(Map.of());
      session.feed(sequence, rest);
      assertSame(expected, session.cache(sequence));
    }
  }

  @Test
  void rejectsPointsThatAreNotEditable() {
    Hook nothing = rows -> {};
    HookPoint result = new HookPoint(HookSite.RESULT, 0);
    assertThrows(
        InvalidInputException.class, () -> lens.run(TOKENS, ALL, Map.of(result, nothing)).close());
    try (LensSession session = lens.open(ALL, SessionOptions.EXACT, "*resid_post")) {
      assertThrows(InvalidInputException.class, () -> session.hooks(Map.of(Z, nothing)));
    }
  }
}
