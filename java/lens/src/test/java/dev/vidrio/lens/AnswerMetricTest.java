package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.circuit.Circuit;
import dev.vidrio.lens.circuit.CircuitRun;
import dev.vidrio.lens.circuit.EdgeAttribution;
import dev.vidrio.lens.circuit.Node;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.intervene.ActivationPatching;
import dev.vidrio.lens.intervene.ActivationPatching.Direction;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.lens.intervene.AttributionPatching;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The log-probability of an answer of several tokens equals runs of a token each. */
class AnswerMetricTest extends F32BardTest {
  private static final int[] TEXT = {5, 120, 44, 700, 31};
  private static final int[] OTHER = {5, 120, 45, 700, 31};
  private static final int[] ANSWER = {300, 17, 301};

  @TempDir Path directory;

  /** Returns the sum of log-probabilities of runs with edits, each of a longer text. */
  private static double sum(Lens of, int[] text, int[] answer, List<Intervention> edits) {
    double sum = 0;
    for (int k = 0; k < answer.length; k++) {
      int[] before = Metric.forced(text, Arrays.copyOf(answer, k + 1));
      sum += Metric.logProbability(answer[k]).of(of, before, edits);
    }
    return sum;
  }

  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void equalsOneRunPerTokenInEveryArchitecture(String name) throws IOException {
    int[] tokens = TinyModels.expected(name).ints("tokens");
    int[] text = Arrays.copyOf(tokens, 5);
    int[] answer = {3, 4};
    Metric metric = Metric.logProbability(answer);
    try (Model tiny = Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name))) {
      Lens of = Lens.of(tiny);
      int[] forced = Metric.forced(text, answer);
      assertEquals(sum(of, text, answer, List.of()), metric.of(of, forced));
      List<Intervention> early =
          List.of(Intervention.scale(new HookPoint(HookSite.RESID_POST, 0), 0.5f).position(1));
      List<Intervention> embedding =
          List.of(Intervention.scale(HookPoint.of(HookSite.EMBED), 0.5f).position(3));
      double changed = sum(of, text, answer, early);
      List<Double> swept =
          Sweep.run(of, forced, List.of(), List.of(early, List.of(), embedding), metric);
      assertEquals(changed, metric.of(of, forced, early));
      assertEquals(
          List.of(changed, metric.of(of, forced), sum(of, text, answer, embedding)), swept);
    }
  }

  /** An edit at the last position only changes the last token's log-probability. */
  @Test
  void sweepIncludesPositionsBeforeEdits() {
    int[] forced = Metric.forced(TEXT, ANSWER);
    Metric metric = Metric.logProbability(ANSWER);
    List<Intervention> last =
        List.of(Intervention.zero(new HookPoint(HookSite.MLP_OUT, 2)).position(forced.length - 1));
    List<Double> swept = Sweep.run(lens, forced, List.of(), List.of(last, List.of()), metric);
    assertEquals(metric.of(lens, forced, last), swept.get(0));
    assertEquals(metric.of(lens, forced), swept.get(1));
  }

  /** The gradient of a sum is the sum of gradients, each of a text of its own. */
  @Test
  void gradientIsSumOverTokens() {
    int[] forced = Metric.forced(TEXT, ANSWER);
    HookPoint embed = HookPoint.of(HookSite.EMBED);
    int d = lens.model().architecture().width();
    var expected = new double[forced.length * d];
    double value = 0;
    for (int k = 0; k < ANSWER.length; k++) {
      int[] before = Metric.forced(TEXT, Arrays.copyOf(ANSWER, k + 1));
      try (GradientSession session =
          GradientSession.open(lens, GradientOptions.of(embed.name(), before.length))) {
        value += session.run(before, Metric.logProbability(ANSWER[k]));
        float[] gradient = session.gradient(embed).toArray();
        for (int i = 0; i < gradient.length; i++) {
          expected[i] += gradient[i];
        }
      }
    }
    GradientOptions options =
        GradientOptions.of(embed.name(), forced.length).withLogits(ANSWER.length);
    try (GradientSession session = GradientSession.open(lens, options)) {
      DifferentiableMetric metric = Metric.logProbability(ANSWER);
      assertEquals(value, session.run(forced, metric), 1e-9);
      float[] actual = session.gradient(embed).toArray();
      for (int i = 0; i < expected.length; i++) {
        assertEquals(expected[i], actual[i], 1e-4);
      }
      // A difference of metrics of different numbers of positions reads the last ones of each.
      DifferentiableMetric difference = metric.minus(Metric.logProbability(7));
      double last = Metric.logProbability(7).of(lens, forced);
      assertEquals(value - last, session.run(forced, difference), 1e-9);
    }
    try (GradientSession one =
        GradientSession.open(lens, GradientOptions.of(embed.name(), forced.length))) {
      String message =
          assertThrows(
                  InvalidInputException.class, () -> one.run(forced, Metric.logProbability(ANSWER)))
              .getMessage();
      assertEquals("logits 3: the session computes those of the last 1", message);
    }
  }

  @Test
  void patchesPairs() {
    TextPair pair = TextPair.ofAnswer(TEXT, OTHER, ANSWER);
    assertArrayEquals(Metric.forced(OTHER, ANSWER), pair.corrupted());
    assertEquals(2, pair.commonPrefix());
    assertEquals(5, new TextPair(pair.clean(), pair.clean(), pair.metric()).commonPrefix() + 1);
    ActivationPatching patching =
        ActivationPatching.of(lens, pair, Site.MLP_OUT, Direction.DENOISING);
    assertEquals(sum(lens, TEXT, ANSWER, List.of()), patching.clean());
    assertEquals(sum(lens, OTHER, ANSWER, List.of()), patching.corrupted());
    HookPoint point = new HookPoint(HookSite.MLP_OUT, 1);
    try (ActivationCache clean = lens.run(pair.clean(), Capture.of(point.name()))) {
      double patched =
          pair.metric()
              .of(lens, pair.corrupted(), List.of(Intervention.patch(clean, point).position(2)));
      double score = (patched - patching.corrupted()) / (patching.clean() - patching.corrupted());
      assertEquals(score, patching.scores().get(1).get(2), 1e-12);
    }
    ActivationPatching estimated =
        AttributionPatching.of(lens, pair, Site.RESID_PRE, Direction.DENOISING);
    assertEquals(patching.clean(), estimated.clean(), 1e-9);
    assertEquals(patching.corrupted(), estimated.corrupted(), 1e-9);
  }

  @Test
  void runsCircuits() {
    TextPair pair = TextPair.ofAnswer(TEXT, OTHER, ANSWER);
    Metric metric = pair.metric();
    try (CircuitRun run =
        CircuitRun.open(lens, pair.clean(), pair.corrupted(), metric.positions())) {
      assertEquals(metric.of(lens, pair.clean()), run.clean(metric));
      assertEquals(metric.of(lens, pair.clean()), run.run(Circuit.whole(run.graph()), metric));
      assertEquals(metric.of(lens, pair.corrupted()), run.run(new Circuit(Set.of()), metric));
      assertThrows(InvalidInputException.class, () -> run.clean(Metric.logit(3)));
    }
    EdgeAttribution edges = EdgeAttribution.integrated(lens, List.of(pair), 32);
    double sum =
        edges.scores().entrySet().stream()
            .filter(entry -> entry.getKey().from() instanceof Node.Embedding)
            .mapToDouble(Map.Entry::getValue)
            .sum();
    double change = edges.corrupted() - edges.clean();
    assertEquals(change, sum, 0.01 * Math.abs(change));
  }

  @Test
  void measuresPairsInBatches() {
    List<TextPair> pairs =
        List.of(
            TextPair.ofAnswer(TEXT, OTHER, ANSWER),
            TextPair.of(OTHER, TEXT, 7, 9),
            new TextPair(
                new int[] {1, 2}, new int[] {3, 4}, Metric.accuracy(new int[] {7}, new int[] {9})));
    PairMeasure measure = PairMeasure.of(lens, pairs);
    for (int i = 0; i < pairs.size(); i++) {
      Metric metric = pairs.get(i).forwardMetric();
      assertEquals(metric.of(lens, pairs.get(i).clean()), measure.clean().get(i));
      assertEquals(metric.of(lens, pairs.get(i).corrupted()), measure.corrupted().get(i));
    }
    assertEquals(3, measure.cleanMean().count());
    assertEquals(
        measure.cleanMean().mean() - measure.corruptedMean().mean(),
        measure.difference().mean(),
        1e-12);
  }

  @Test
  void measuresPairsUnderEdits() {
    List<Intervention> edits = List.of(Intervention.zero(new HookPoint(HookSite.MLP_OUT, 0)));
    List<TextPair> pairs = List.of(TextPair.of(TEXT, OTHER, 5, 6), TextPair.of(OTHER, TEXT, 7, 9));
    PairMeasure measure = PairMeasure.edited(lens, pairs, tokens -> edits);
    Metric metric = pairs.getLast().forwardMetric();
    Capture logits = Capture.of(HookPoint.of(HookSite.LOGITS).name()).last(1);
    try (ActivationCache cache = lens.run(OTHER, logits, edits)) {
      MemorySegment row = cache.get(HookPoint.of(HookSite.LOGITS)).data();
      assertEquals(metric.of(row), measure.clean().getLast());
    }
    assertNotEquals(metric.of(lens, OTHER), measure.clean().getLast());
    assertEquals(PairMeasure.of(lens, pairs), PairMeasure.edited(lens, pairs, tokens -> List.of()));
  }

  @Test
  void rejectsShortTextsAndMissingGradients() {
    DifferentiableMetric metric = Metric.logProbability(ANSWER);
    String message =
        assertThrows(InvalidInputException.class, () -> metric.of(lens, new int[] {1, 2}))
            .getMessage();
    assertEquals("text 2 tokens: the metric reads the logits after the last 3", message);
    assertThrows(
        InvalidInputException.class,
        () -> Sweep.run(lens, new int[] {1, 2}, List.of(), List.of(), metric));
    assertThrows(InvalidInputException.class, () -> Metric.logProbability(new int[0]));
    var pair = new TextPair(TEXT, OTHER, Metric.accuracy(new int[] {3}, new int[0]));
    assertThrows(
        InvalidInputException.class, () -> EdgeAttribution.integrated(lens, List.of(pair), 2));
    assertThrows(
        InvalidInputException.class,
        () -> AttributionPatching.of(lens, pair, Site.HEAD, Direction.NOISING));
  }

  @Test
  void accuracyComparesLogits() {
    float[] logits = {1, 5, 3, 5, 2};
    MemorySegment all = MemorySegment.ofArray(logits);
    assertEquals(1, Metric.accuracy(new int[] {1}, new int[] {0, 2}).of(all));
    assertEquals(0, Metric.accuracy(new int[] {2, 0}, new int[] {1}).of(all));
    assertEquals(0, Metric.accuracy(new int[] {1}, new int[0]).of(all)); // a tie
    assertEquals(1, Metric.accuracy(new int[] {1, 3}, new int[0]).of(all));
  }
}
