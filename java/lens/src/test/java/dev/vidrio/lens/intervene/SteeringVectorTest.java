package dev.vidrio.lens.intervene;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.LensSession;
import dev.vidrio.lens.decode.probe.ConceptDirections;
import dev.vidrio.lens.decode.probe.Examples;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SteeringVectorTest extends BardTest {
  private static final HookPoint POINT = new HookPoint(HookSite.RESID_POST, 1);
  private static final List<int[]> PLUS = List.of(new int[] {5, 120, 44}, new int[] {7, 9});
  private static final List<int[]> MINUS = List.of(new int[] {700}, new int[] {8, 8, 8, 90});
  private static final int[] TOKENS = {5, 120, 44, 700, 31, 8, 90};

  private static float[] last(int[] tokens) {
    try (ActivationCache cache = lens.run(tokens, Capture.of(POINT.name()))) {
      return cache.get(POINT).row(tokens.length - 1);
    }
  }

  @Test
  void isTheDifferenceInMeans() {
    SteeringVector vector = SteeringVector.of(lens, POINT, PLUS, MINUS);
    double square = 0;
    for (int j = 0; j < 256; j++) {
      double plus = (last(PLUS.get(0))[j] + (double) last(PLUS.get(1))[j]) / 2;
      double minus = (last(MINUS.get(0))[j] + (double) last(MINUS.get(1))[j]) / 2;
      assertEquals(plus - minus, vector.values()[j], 1e-5);
      square += (plus - minus) * (plus - minus);
    }
    assertEquals(Math.sqrt(square), vector.norm(), 1e-4);
  }

  /** As the methods find them in the activations of the last tokens. */
  @ParameterizedTest
  @EnumSource
  void isTheDirectionOfAMethod(ConceptDirections.Method method) {
    float[][] rows = {last(PLUS.get(0)), last(PLUS.get(1)), last(MINUS.get(0)), last(MINUS.get(1))};
    var examples = new Examples(rows, new int[] {1, 1, 0, 0}, new int[4], 2);
    SteeringVector vector = SteeringVector.of(lens, POINT, PLUS, MINUS, method);
    assertArrayEquals(method.of(examples, 1, 0), vector.values());
    assertTrue(vector.norm() > 0);
  }

  /** Over a prompt and in generation. */
  @Test
  void strengthZeroIsNoSteering() {
    SteeringVector vector = SteeringVector.of(lens, POINT, PLUS, MINUS);
    try (Session plain = model.newSession(SessionOptions.EXACT);
        LensSession session = lens.open(Capture.NONE, SessionOptions.EXACT, POINT.name())) {
      Sequence a = plain.newSequence();
      Sequence b = session.newSequence();
      session.edits(List.of(vector.edit(0)));
      assertEquals(-1, plain.feed(a, TOKENS).mismatch(session.feed(b, TOKENS)));
      for (int i = 0; i < 5; i++) {
        int next = plain.candidates(0).id(0);
        assertEquals(next, session.candidates(0).id(0));
        assertEquals(-1, plain.feed(a, next).mismatch(session.feed(b, next)));
      }
    }
  }

  @Test
  void rejectsMissingTexts() {
    assertThrows(
        InvalidInputException.class, () -> SteeringVector.of(lens, POINT, List.of(), MINUS));
    assertThrows(
        InvalidInputException.class, () -> SteeringVector.of(lens, POINT, PLUS, List.of()));
    var same =
        assertThrows(InvalidInputException.class, () -> SteeringVector.of(lens, POINT, PLUS, PLUS));
    assertEquals("minus: its mean at " + POINT + " equals that of plus", same.getMessage());
    assertThrows(
        InvalidInputException.class,
        () -> SteeringVector.of(lens, POINT, PLUS, List.of(new int[0])));
    HookPoint pattern = new HookPoint(HookSite.PATTERN, 0);
    assertThrows(InvalidInputException.class, () -> SteeringVector.of(lens, pattern, PLUS, MINUS));
  }
}
