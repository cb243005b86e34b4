package dev.vidrio.lens.hook;

import static dev.vidrio.lens.Caches.assertSame;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
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
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Edits on the bard: each kind, where it applies, and what is refused. */
class InterventionTest extends BardTest {
  private static final int[] TOKENS =
      IntStream.range(0, 20).map(i -> (i * 37 + 11) % 2048).toArray();
  private static final int[] OTHER = IntStream.range(0, 20).map(i -> (i * 91 + 5) % 2048).toArray();
  private static final Capture ALL = Capture.of("*");
  private static final HookPoint RESID = new HookPoint(HookSite.RESID_POST, 1);
  private static final HookPoint Z = new HookPoint(HookSite.Z, 2);
  private static final int D = 256;

  private static float[] vector(int n) {
    var values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) Math.sin(1 + i);
    }
    return values;
  }

  /** A change of an element. */
  private interface Arithmetic {
    float of(float x, int row, int column);
  }

  /** The edited point holds what the arithmetic makes of the unedited one, where it applies. */
  private static void check(
      Intervention edit, int from, int to, int begin, int end, Arithmetic expected) {
    Capture capture = Capture.of(edit.point().name());
    try (ActivationCache before = lens.run(TOKENS, capture);
        ActivationCache after = lens.run(TOKENS, capture, List.of(edit))) {
      for (int i = 0; i < TOKENS.length; i++) {
        float[] x = before.get(edit.point()).row(i);
        for (int j = begin; j < end && i >= from && i < to; j++) {
          x[j] = expected.of(x[j], i - from, j - begin);
        }
        assertArrayEquals(x, after.get(edit.point()).row(i), edit + " row " + i);
      }
    }
  }

  @Test
  void editsChangeOnlyTheirElements() {
    float[] row = vector(D);
    check(Intervention.zero(RESID).positions(3, 5), 3, 5, 0, D, (x, i, j) -> 0);
    check(Intervention.set(RESID, row).position(4), 4, 5, 0, D, (x, i, j) -> row[j]);
    float[] rows = vector(3 * 32);
    check(
        Intervention.set(Z, rows).positions(2, 5).head(6),
        2,
        5,
        192,
        224,
        (x, i, j) -> rows[i * 32 + j]);
    check(Intervention.add(RESID, 2, row), 0, 20, 0, D, (x, i, j) -> x + 2 * row[j]);
    check(Intervention.scale(Z, -3).head(1), 0, 20, 32, 64, (x, i, j) -> -3 * x);
    HookPoint post = new HookPoint(HookSite.POST, 3);
    check(
        Intervention.clamp(post, -0.1f, 0.2f),
        0,
        20,
        0,
        768,
        (x, i, j) -> Math.clamp(x, -0.1f, 0.2f));
    check(Intervention.set(post, 7).neuron(700).positions(8, 20), 8, 20, 700, 701, (x, i, j) -> 7);
  }

  /** The component along the direction is removed, up to rounding; the orthogonal one is kept. */
  @Test
  void projectOutKeepsOrthogonalComponent() {
    float[] direction = vector(D);
    double square = 0;
    for (float value : direction) {
      square += value * value;
    }
    try (ActivationCache before = lens.run(TOKENS, Capture.of(RESID.name()));
        ActivationCache after =
            lens.run(
                TOKENS,
                Capture.of(RESID.name()),
                List.of(Intervention.projectOut(RESID, direction)))) {
      for (int i = 0; i < TOKENS.length; i++) {
        float[] x = before.get(RESID).row(i);
        float[] y = after.get(RESID).row(i);
        double along = 0;
        for (int j = 0; j < D; j++) {
          along += x[j] * direction[j] / square;
        }
        for (int j = 0; j < D; j++) {
          assertEquals(x[j] - along * direction[j], y[j], 1e-4);
        }
      }
    }
  }

  /** A swap in the span of two axes sets two elements. */
  @Test
  void swappingASubspaceMovesOnlyWhatItSpans() {
    var basis = new float[2 * D];
    basis[3] = 1;
    basis[D + 200] = 1;
    float[] values = vector(D);
    try (ActivationCache before = lens.run(TOKENS, Capture.of(RESID.name()));
        ActivationCache after =
            lens.run(
                TOKENS,
                Capture.of(RESID.name()),
                List.of(Intervention.swap(RESID, basis, values)))) {
      for (int i = 0; i < TOKENS.length; i++) {
        float[] x = before.get(RESID).row(i);
        float[] y = after.get(RESID).row(i);
        for (int j = 0; j < D; j++) {
          assertEquals(j == 3 || j == 200 ? values[j] : x[j], y[j], 1e-5);
        }
      }
    }
  }

  @Test
  void zeroStrengthChangesNoBit() {
    try (ActivationCache expected = lens.run(TOKENS, ALL);
        ActivationCache actual =
            lens.run(
                TOKENS,
                ALL,
                List.of(Intervention.add(RESID, 0, vector(D)), Intervention.scale(Z, 1)))) {
      assertSame(expected, actual);
    }
  }

  /** A block to which its sublayers add nothing. */
  @Test
  void laterOperationsReadEditedActivation() {
    List<Intervention> edits =
        List.of(
            Intervention.zero(new HookPoint(HookSite.ATTN_OUT, 2)),
            Intervention.zero(new HookPoint(HookSite.MLP_OUT, 2)));
    try (ActivationCache cache = lens.run(TOKENS, ALL, edits)) {
      assertArrayEquals(
          cache.get(HookSite.RESID_PRE, 2).toArray(), cache.get(HookSite.RESID_POST, 2).toArray());
    }
  }

  @Test
  void editOfResidPreLeavesPreviousResidPost() {
    HookPoint pre = new HookPoint(HookSite.RESID_PRE, 2);
    try (ActivationCache plain = lens.run(TOKENS, ALL);
        ActivationCache input = lens.run(TOKENS, ALL, List.of(Intervention.scale(pre, 2)));
        ActivationCache output = lens.run(TOKENS, ALL, List.of(Intervention.scale(RESID, 2)));
        ActivationCache both =
            lens.run(
                TOKENS,
                ALL,
                List.of(Intervention.scale(RESID, 0.5f), Intervention.scale(pre, 4)))) {
      assertArrayEquals(plain.get(RESID).toArray(), input.get(RESID).toArray());
      assertArrayEquals(output.get(RESID).toArray(), output.get(pre).toArray());
      assertArrayEquals(output.get(pre).toArray(), input.get(pre).toArray());
      assertArrayEquals(input.get(pre).toArray(), both.get(pre).toArray());
      assertArrayEquals(
          input.get(HookSite.LOGITS).toArray(), output.get(HookSite.LOGITS).toArray());
      assertArrayEquals(
          input.get(HookSite.LN1_NORMALIZED, 2).toArray(),
          both.get(HookSite.LN1_NORMALIZED, 2).toArray());
    }
  }

  /** Noise that is subtracted again changes nothing. */
  @Test
  void denoisingUndoesNoising() {
    HookPoint point = new HookPoint(HookSite.MLP_OUT, 1);
    try (ActivationCache clean = lens.run(TOKENS, ALL);
        ActivationCache corrupted = lens.run(OTHER, ALL);
        ActivationCache both =
            lens.run(
                TOKENS,
                ALL,
                List.of(Intervention.patch(corrupted, point), Intervention.patch(clean, point)))) {
      assertSame(clean, both);
    }
  }

  /** In a session of steps and several sequences, as in runs of one. */
  @Test
  void editsBelongToSequencesAndChangeBetweenSteps() {
    Intervention steer = Intervention.add(RESID, 1, vector(D)).positions(0, 12);
    Intervention ablate = Intervention.zero(Z).head(3);
    try (ActivationCache steered = lens.run(TOKENS, ALL, List.of(steer));
        ActivationCache ablated = lens.run(OTHER, ALL, List.of(ablate));
        LensSession session = lens.open(ALL, SessionOptions.exact(32, 16, 2, 16), "*")) {
      Sequence a = session.newSequence();
      Sequence b = session.newSequence();
      session.edits(List.of(steer.in(a), ablate.in(b)));
      for (int i = 0; i < TOKENS.length; i += 5) {
        session.begin();
        // Which of the two comes first changes.
        for (Sequence sequence : i % 10 == 0 ? List.of(a, b) : List.of(b, a)) {
          for (int j = i; j < i + 5; j++) {
            session.add(sequence, sequence == a ? TOKENS[j] : OTHER[j], false);
          }
        }
        session.run();
        if (i == 10) {
          session.edits(List.of(ablate.in(b)));
        }
      }
      assertSame(steered, session.cache(a));
      assertSame(ablated, session.cache(b));
    }
  }

  @Test
  void scalarJavaGivesTheSameBits() {
    List<Intervention> edits =
        List.of(
            Intervention.projectOut(RESID, vector(D)),
            Intervention.add(Z, 0.5f, vector(32)).head(2),
            Intervention.clamp(new HookPoint(HookSite.POST, 0), 0, 1));
    int[] few = Arrays.copyOf(TOKENS, 7);
    try (Model scalar =
            Model.open(BardFiles.q8(), ModelOptions.with(() -> JavaExecutor.scalar(1)));
        ActivationCache expected = Lens.of(scalar).run(few, ALL, edits);
        ActivationCache actual = lens.run(few, ALL, edits)) {
      assertSame(expected, actual);
    }
  }

  private static void refused(String expected, Supplier<Intervention> edit) {
    String message =
        assertThrows(
                InvalidInputException.class,
                () -> lens.run(TOKENS, ALL, List.of(edit.get())).close())
            .getMessage();
    assertTrue(message.contains(expected), message);
  }

  @Test
  void rejectsInvalidEdits() {
    refused("must be 256", () -> Intervention.set(RESID, 1, 2));
    refused(
        "or as many for each of 2 positions", () -> Intervention.set(RESID, 1, 2).positions(3, 5));
    refused("head 8: must be 0 to 7", () -> Intervention.zero(Z).head(8));
    refused(
        "head 4: must be 0 to 3", () -> Intervention.zero(new HookPoint(HookSite.V, 2)).head(4));
    refused("the point has no heads", () -> Intervention.zero(RESID).head(0));
    refused(
        "columns 256:257: must be a range of 0:256", () -> Intervention.zero(RESID).neuron(256));
    refused("positions 20:21: there are 20", () -> Intervention.zero(RESID).position(20));
    refused("must be a range", () -> Intervention.zero(RESID).positions(5, 5));
    refused("must be a range", () -> Intervention.zero(RESID).position(Integer.MAX_VALUE));
    refused("strength NaN: must be finite", () -> Intervention.add(RESID, Float.NaN, vector(D)));
    refused("must not exceed", () -> Intervention.clamp(RESID, 1, 0));
    refused("must be positive and finite", () -> Intervention.projectOut(RESID, new float[D]));
    refused("must be orthonormal", () -> Intervention.swap(RESID, vector(D), vector(D)));
    refused("rows of 256", () -> Intervention.swap(RESID, vector(D - 1), vector(D)));
    refused("not found in the model", () -> Intervention.zero(new HookPoint(HookSite.MLP_OUT, 4)));
    refused(
        "derived from blocks.0.attn.hook_z",
        () -> Intervention.zero(new HookPoint(HookSite.RESULT, 0)));
    try (ActivationCache part = lens.run(TOKENS, Capture.of("*hook_z").positions(3, 6))) {
      refused("the other run holds 3:6", () -> Intervention.patch(part, Z).positions(2, 5));
    }
  }

  /** A refused edit leaves those before as they were, and the session usable. */
  @Test
  void rejectedEditsKeepPreviousOnes() {
    Intervention good = Intervention.scale(RESID, 2);
    Intervention bad = Intervention.zero(RESID).head(1);
    try (ActivationCache expected = lens.run(TOKENS, ALL, List.of(good));
        LensSession session = lens.open(ALL, SessionOptions.exact(32, 16, 1, 16), "*resid_post");
        LensSession other = lens.open(ALL, SessionOptions.EXACT)) {
      Sequence sequence = session.newSequence();
      session.edits(List.of(good));
      assertThrows(InvalidInputException.class, () -> session.edits(List.of(bad)));
      assertThrows(InvalidInputException.class, () -> session.edits(List.of(Intervention.zero(Z))));
      assertThrows(
          IllegalArgumentException.class,
          () -> session.edits(List.of(good.in(other.newSequence()))));
      session.feed(sequence, TOKENS);
      assertSame(expected, session.cache(sequence));
    }
    try (ActivationCache plain = lens.run(TOKENS, ALL);
        ActivationCache again = lens.run(TOKENS, ALL)) {
      assertSame(plain, again);
      assertNotEquals(0, plain.get(RESID).at(0, 0));
    }
  }
}
