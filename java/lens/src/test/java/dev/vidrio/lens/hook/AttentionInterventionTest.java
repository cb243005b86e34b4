package dev.vidrio.lens.hook;

import static dev.vidrio.lens.Caches.assertSame;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.LensSession;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.SessionOptions;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Edits of scores and patterns on the bard: where they apply, and what attention makes of them. */
class AttentionInterventionTest extends BardTest {
  private static final int N = 20;
  private static final int[] TOKENS =
      IntStream.range(0, N).map(i -> (i * 37 + 11) % 2048).toArray();
  private static final int[] OTHER = IntStream.range(0, N).map(i -> (i * 91 + 5) % 2048).toArray();
  private static final Capture ALL = Capture.of("*");
  private static final HookPoint SCORES = new HookPoint(HookSite.ATTN_SCORES, 1);
  private static final HookPoint PATTERN = new HookPoint(HookSite.PATTERN, 1);
  private static final HookPoint Z = new HookPoint(HookSite.Z, 1);

  /** A head of heads and a query of queries from a run of patterns or scores. */
  private static float[] row(ActivationCache cache, HookPoint point, int head, int i) {
    int keys = cache.get(point).shape().getLast();
    return Arrays.copyOfRange(cache.get(point).row(head), i * keys, (i + 1) * keys);
  }

  @Test
  void strengthZeroChangesNoBit() {
    var row = new float[8 * N];
    Arrays.fill(row, 1);
    List<Intervention> edits =
        List.of(Intervention.add(SCORES, 0, row), Intervention.scale(PATTERN, 1));
    try (ActivationCache expected = lens.run(TOKENS, ALL);
        ActivationCache actual = lens.run(TOKENS, ALL, edits)) {
      assertSame(expected, actual);
    }
  }

  /** Heads, queries and sequences that no edit means keep the z of attention. */
  @Test
  void uneditedActivationsKeepBits() {
    List<Intervention> edits = List.of(Intervention.zero(PATTERN).head(3).positions(5, 9));
    try (ActivationCache before = lens.run(TOKENS, ALL);
        ActivationCache after = lens.run(TOKENS, ALL, edits)) {
      for (int i = 0; i < N; i++) {
        float[] expected = before.get(Z).row(i);
        if (i >= 5 && i < 9) {
          Arrays.fill(expected, 3 * 32, 4 * 32, 0);
        }
        assertArrayEquals(expected, after.get(Z).row(i));
        for (int h = 0; h < 8; h++) {
          float[] pattern = row(before, PATTERN, h, i);
          if (h == 3 && i >= 5 && i < 9) {
            Arrays.fill(pattern, 0);
          }
          assertArrayEquals(pattern, row(after, PATTERN, h, i));
        }
      }
      assertEquals(-1, before.get(SCORES).data().mismatch(after.get(SCORES).data()));
    }
  }

  /** Scores all alike are a mean over what a token may look at, and nothing lies ahead of it. */
  @Test
  void scoresOfZeroAttendEvenly() {
    try (ActivationCache cache = lens.run(TOKENS, ALL, List.of(Intervention.zero(SCORES)))) {
      for (int i = 0; i < N; i++) {
        float[] pattern = row(cache, PATTERN, 5, i);
        for (int t = 0; t < N; t++) {
          assertEquals(t <= i ? 1.0 / (i + 1) : 0, pattern[t], 1e-7);
        }
      }
    }
  }

  @Test
  void knockedOutKeysGetNoWeight() {
    Intervention knockOut = Intervention.knockOut(1, 2, 4).positions(4, N).head(6);
    try (ActivationCache before = lens.run(TOKENS, ALL);
        ActivationCache after = lens.run(TOKENS, ALL, List.of(knockOut))) {
      for (int i = 0; i < N; i++) {
        float[] p = row(before, PATTERN, 6, i);
        float[] q = row(after, PATTERN, 6, i);
        double kept = i < 4 ? 1 : 1 - (double) p[2] - p[3];
        for (int t = 0; t < N; t++) {
          boolean out = i >= 4 && (t == 2 || t == 3);
          assertEquals(out ? 0 : p[t] / kept, q[t], 1e-5);
        }
        assertArrayEquals(row(before, PATTERN, 2, i), row(after, PATTERN, 2, i));
      }
    }
  }

  /** With the pattern of another run, z is the weighted mean of this run's values. */
  @Test
  void patchedPatternWeightsOwnValues() {
    try (ActivationCache other = lens.run(OTHER, ALL);
        ActivationCache cache =
            lens.run(TOKENS, ALL, List.of(Intervention.patch(other, PATTERN)))) {
      assertEquals(-1, other.get(PATTERN).data().mismatch(cache.get(PATTERN).data()));
      Activation v = cache.get(HookSite.V, 1);
      for (int i = 0; i < N; i++) {
        for (int h = 0; h < 8; h++) {
          float[] p = row(other, PATTERN, h, i);
          for (int j = 0; j < 32; j++) {
            double mixed = 0;
            for (int t = 0; t <= i; t++) {
              mixed += (double) p[t] * v.at(t, h / 2, j);
            }
            assertEquals(mixed, cache.get(Z).at(i, h, j), 1e-5);
          }
        }
      }
    }
  }

  /** A part of another run's scores, put back to what they were. */
  @Test
  void removedPatchChangesNoBit() {
    try (ActivationCache clean = lens.run(TOKENS, ALL);
        ActivationCache other = lens.run(OTHER, ALL);
        ActivationCache both =
            lens.run(
                TOKENS,
                ALL,
                List.of(
                    Intervention.patch(other, SCORES).head(2).positions(3, 17),
                    Intervention.patch(clean, SCORES).head(2).positions(3, 17)))) {
      assertSame(clean, both);
    }
  }

  @Test
  void hooksEqualEquivalentEdits() {
    Hook halve =
        rows -> {
          for (int i = 0; i < rows.size(); i++) {
            for (long j = 0; j < rows.row(i).byteSize() / 4; j++) {
              rows.row(i).setAtIndex(JAVA_FLOAT, j, rows.row(i).getAtIndex(JAVA_FLOAT, j) / 2);
            }
          }
        };
    List<Intervention> edits =
        List.of(Intervention.scale(SCORES, 0.5f), Intervention.scale(PATTERN, 0.5f));
    try (ActivationCache expected = lens.run(TOKENS, ALL, edits);
        ActivationCache actual = lens.run(TOKENS, ALL, Map.of(SCORES, halve, PATTERN, halve))) {
      assertSame(expected, actual);
    }
  }

  /** In steps, of several sequences, token by token: as in runs of one. */
  @Test
  void editsBelongToSequences() {
    Intervention knockOut = Intervention.knockOut(2, 0, 1).positions(1, N).head(4);
    Intervention sharpen = Intervention.scale(SCORES, 2);
    try (ActivationCache knocked = lens.run(TOKENS, ALL, List.of(knockOut));
        ActivationCache sharpened = lens.run(OTHER, ALL, List.of(sharpen));
        LensSession session = lens.open(ALL, SessionOptions.exact(N, 4, 2, 4), "*attn*")) {
      Sequence a = session.newSequence();
      Sequence b = session.newSequence();
      session.edits(List.of(knockOut.in(a), sharpen.in(b)));
      for (int i = 0; i < N; i++) {
        session.begin();
        session.add(i % 2 == 0 ? a : b, i % 2 == 0 ? TOKENS[i] : OTHER[i], false);
        session.add(i % 2 == 0 ? b : a, i % 2 == 0 ? OTHER[i] : TOKENS[i], false);
        session.run();
      }
      assertSame(knocked, session.cache(a));
      assertSame(sharpened, session.cache(b));
    }
  }

  @Test
  void scalarJavaGivesTheSameBits() {
    List<Intervention> edits =
        List.of(Intervention.knockOut(1, 1, 2).positions(2, 7), Intervention.scale(PATTERN, 0.5f));
    int[] few = Arrays.copyOf(TOKENS, 7);
    try (Model scalar =
            Model.open(BardFiles.q8(), ModelOptions.with(() -> JavaExecutor.scalar(1)));
        ActivationCache expected = Lens.of(scalar).run(few, ALL, edits);
        ActivationCache actual = lens.run(few, ALL, edits)) {
      assertSame(expected, actual);
    }
  }

  private static void refused(String expected, Intervention edit) {
    String message =
        assertThrows(
                InvalidInputException.class, () -> lens.run(TOKENS, ALL, List.of(edit)).close())
            .getMessage();
    assertTrue(message.contains(expected), message);
  }

  @Test
  void rejectsInvalidEdits() {
    refused("keys 19:21: must be a range of 0:20", Intervention.zero(PATTERN).keys(19, 21));
    refused("keys 3:3: must be a range", Intervention.knockOut(1, 3, 3));
    refused("head 8: must be 0 to 7", Intervention.zero(PATTERN).keys(1, 2).head(8));
    refused("are supported for scores and patterns only", Intervention.zero(Z).keys(1, 2));
    refused("must be 160", Intervention.set(PATTERN, 1, 2));
    refused("must be 2", Intervention.set(PATTERN, 1).keys(4, 6));
    try (ActivationCache other = lens.run(OTHER, ALL)) {
      Activation z = other.get(Z);
      refused("must have rows of 8 heads' attention", patch(PATTERN, z));
      refused("must have rows of 256", patch(Z, other.get(PATTERN)));
    }
    try (ActivationCache part = lens.run(OTHER, ALL.positions(3, 6))) {
      refused("the other run holds 3:6", Intervention.patch(part, PATTERN).positions(2, 5));
    }
  }

  private static Intervention patch(HookPoint point, Activation source) {
    var change = new InterventionKind.Patch(source, 0);
    return new Intervention(point, null, 0, N, new Intervention.Columns.All(), change);
  }
}
