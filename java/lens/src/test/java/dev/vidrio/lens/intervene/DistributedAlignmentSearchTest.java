package dev.vidrio.lens.intervene;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The search on the model of floats, where finite differences mean something. */
class DistributedAlignmentSearchTest {
  private static final HookPoint POINT = new HookPoint(HookSite.RESID_POST, 1);
  private static final int D = 256;

  private static Model model;
  private static Lens lens;
  private static List<Interchange> interchanges;

  @BeforeAll
  static void open() {
    model = Model.open(BardFiles.f32());
    lens = Lens.of(model);
    interchanges = interchanges(model);
  }

  /** Returns interchanges of the gender of a person. */
  static List<Interchange> interchanges(Model model) {
    List<Interchange> interchanges = new ArrayList<>();
    int his = model.tokenizer().encode(" his")[1];
    int her = model.tokenizer().encode(" her")[1];
    for (String[] pair :
        List.of(new String[] {"The king", "The queen"}, new String[] {"A lord", "A lady"})) {
      int[] male = model.tokenizer().encode(pair[0]);
      int[] female = model.tokenizer().encode(pair[1]);
      interchanges.add(new Interchange(male, female, her, his));
      interchanges.add(new Interchange(female, male, his, her));
    }
    return interchanges;
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private static DistributedAlignmentSearch search(int rank) {
    return new DistributedAlignmentSearch(lens, POINT, interchanges, rank, 0.1, 3);
  }

  private static float[] logits(Interchange each, List<Intervention> edits) {
    try (ActivationCache cache = lens.run(each.base, Capture.of("unembed.hook_out"), edits)) {
      return cache.get(HookSite.LOGITS).row(each.base.length - 1);
    }
  }

  /** All dimensions swapped are the activation of the source, whatever their rotation. */
  @Test
  void fullRankEqualsPatch() {
    try (DistributedAlignmentSearch whole = search(D)) {
      Interchange each = interchanges.getFirst();
      try (ActivationCache source = lens.run(each.source, Capture.of(POINT.name()))) {
        float[] row = source.get(POINT).row(each.sourcePosition);
        List<Intervention> patch =
            List.of(Intervention.set(POINT, row).position(each.basePosition));
        assertArrayEquals(logits(each, patch), logits(each, whole.edits(each)), 2e-3f);
      }
    }
  }

  @Test
  void rankZeroChangesNothing() {
    try (DistributedAlignmentSearch none = search(0)) {
      Interchange each = interchanges.getFirst();
      assertArrayEquals(logits(each, List.of()), logits(each, none.edits(each)));
      none.step();
      assertEquals(0, none.basis().length);
    }
  }

  /** Rows that are learned serve better than those at random, and stay orthonormal. */
  @Test
  void learnsASubspace() {
    try (DistributedAlignmentSearch search = search(2)) {
      double before = search.step();
      for (int i = 0; i < 30; i++) {
        search.step();
      }
      double after = search.step();
      assertTrue(after > before + 0.3, before + " to " + after);
      assertTrue(
          search.accuracy(interchanges) >= 0.75, "accuracy " + search.accuracy(interchanges));
      float[] basis = search.basis();
      float[] a = Arrays.copyOf(basis, D);
      float[] b = Arrays.copyOfRange(basis, D, 2 * D);
      assertEquals(1, Vectors.norm(a), 1e-5);
      assertEquals(1, Vectors.norm(b), 1e-5);
      assertEquals(0, Vectors.dot(a, b), 1e-5);
    }
  }

  /** Rotating a row changes the log-probability of the answer by its gradient. */
  @Test
  void gradientsAreSlopes() {
    Interchange each = interchanges.getFirst();
    var r = new double[D];
    var u = new double[D];
    for (int j = 0; j < D; j++) {
      r[j] = j % 2 == 0 ? Math.sin(j) : 0;
      u[j] = j % 2 == 0 ? 0 : Math.cos(j);
    }
    DoubleVectors.scale(r, 1 / DoubleVectors.norm(r));
    DoubleVectors.scale(u, 1 / DoubleVectors.norm(u));
    try (ActivationCache base = lens.run(each.base, Capture.of(POINT.name()));
        ActivationCache source = lens.run(each.source, Capture.of(POINT.name()));
        GradientSession session =
            GradientSession.open(
                lens, GradientOptions.of(POINT.name(), 8).withEditable(POINT.name()))) {
      float[] from = source.get(POINT).row(each.sourcePosition);
      float[] difference = Vectors.minus(from, base.get(POINT).row(each.basePosition));
      double[] around = new double[2];
      double angle = 0.05;
      for (int side = 0; side < 2; side++) {
        float[] turned = turned(r, u, side == 0 ? -angle : angle);
        session.edits(List.of(Intervention.swap(POINT, turned, from).position(each.basePosition)));
        around[side] = session.run(each.base, each.objective);
      }
      session.edits(
          List.of(Intervention.swap(POINT, turned(r, u, 0), from).position(each.basePosition)));
      session.run(each.base, each.objective);
      var gradient = new double[D];
      DistributedAlignmentSearch.addGradient(
          gradient, r, session.gradient(POINT).row(each.basePosition), difference);
      double slope = (around[1] - around[0]) / (2 * angle);
      assertEquals(slope, DoubleVectors.dot(gradient, u), 0.02 * Math.max(0.1, Math.abs(slope)));
    }
  }

  /** The log-probability of an answer of two tokens is read where they are appended. */
  @Test
  void increasesOtherObjectives() {
    int[] answer = Arrays.copyOfRange(model.tokenizer().encode(" her own"), 1, 3);
    int[] king = model.tokenizer().encode("The king");
    int[] queen = model.tokenizer().encode("The queen");
    var each =
        new Interchange(
            Metric.forced(king, answer),
            king.length - 1,
            queen,
            queen.length - 1,
            Metric.logProbability(answer),
            Metric.greedy(answer));
    try (var search = new DistributedAlignmentSearch(lens, POINT, List.of(each), 2, 0.1, 3)) {
      double before = search.objective(List.of(each));
      assertEquals(before, search.step(), 1e-4);
      search.step();
      assertTrue(search.objective(List.of(each)) > before);
      assertEquals(0, search.accuracy(List.of(each)));
    }
    float[] logits = new float[2 * 4];
    logits[2] = 1;
    logits[4 + 3] = 1;
    assertEquals(1, Metric.greedy(new int[] {2, 3}).of(MemorySegment.ofArray(logits)));
    assertEquals(0, Metric.greedy(new int[] {2, 2}).of(MemorySegment.ofArray(logits)));
  }

  private static float[] turned(double[] r, double[] u, double angle) {
    var row = new float[D];
    for (int j = 0; j < D; j++) {
      row[j] = (float) (Math.cos(angle) * r[j] + Math.sin(angle) * u[j]);
    }
    return row;
  }

  @Test
  void reportsInvalidInput() {
    assertThrows(InvalidInputException.class, () -> search(257).close());
    assertThrows(
        InvalidInputException.class,
        () -> new DistributedAlignmentSearch(lens, POINT, List.of(), 1, 0.1, 0).close());
    assertThrows(
        InvalidInputException.class,
        () -> new DistributedAlignmentSearch(lens, POINT, interchanges, 1, 1, 0).close());
    for (String name : List.of("unembed.hook_out", "blocks.0.attn.hook_pattern")) {
      HookPoint point = lens.points(name).getFirst();
      assertThrows(
          InvalidInputException.class,
          () -> new DistributedAlignmentSearch(lens, point, interchanges, 1, 0.1, 0).close());
    }
    assertThrows(
        InvalidInputException.class, () -> new Interchange(new int[2], 2, new int[1], 0, 1, 2));
  }
}
