package dev.vidrio.lens.intervene;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Hook;
import dev.vidrio.lens.intervene.ActivationPatching.Direction;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.lens.intervene.PathPatching.Head;
import dev.vidrio.lens.intervene.PathPatching.Sender;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PathPatchingTest extends BardTest {
  private static final int[] CLEAN = {5, 120, 44, 700, 31, 8, 90};
  private static final int[] CORRUPTED = {5, 120, 45, 700, 31, 9, 90};
  private static final int ANSWER = 300;
  private static final int WRONG = 301;
  private static final List<TextPair> PAIRS = List.of(TextPair.of(CLEAN, CORRUPTED, ANSWER, WRONG));

  private static double difference(Map<HookPoint, Hook> hooks) {
    try (ActivationCache cache = lens.run(CLEAN, Capture.of("unembed.hook_out"), hooks)) {
      return Metric.logitDifference(ANSWER, WRONG)
          .of(MemorySegment.ofArray(cache.get(HookSite.LOGITS).row(CLEAN.length - 1)));
    }
  }

  /** Writes columns [begin, end) of another run's rows over those of this one. */
  private static Hook copying(Activation source, int begin, int end) {
    return rows -> {
      for (int i = 0; i < rows.size(); i++) {
        MemorySegment from = MemorySegment.ofArray(source.row(rows.position(i)));
        rows.row(i)
            .asSlice(begin * 4L, (end - begin) * 4L)
            .copyFrom(from.asSlice(begin * 4L, (end - begin) * 4L));
      }
    };
  }

  /** The definition by code in the middle of the pass: it has no part in edits and sweeps. */
  private static Map<HookPoint, Hook> direct(
      ActivationCache clean, ActivationCache corrupted, int layer, int head) {
    Map<HookPoint, Hook> hooks = new HashMap<>();
    hooks.put(
        new HookPoint(HookSite.Z, layer),
        copying(corrupted.get(HookSite.Z, layer), head * 32, head * 32 + 32));
    for (int l = layer + 1; l < 4; l++) {
      hooks.put(
          new HookPoint(HookSite.ATTN_OUT, l), copying(clean.get(HookSite.ATTN_OUT, l), 0, 256));
    }
    return hooks;
  }

  @Test
  void pathsToLogitsEqualHooks() {
    PathPatching actual = PathPatching.toLogits(lens, PAIRS);
    assertEquals(difference(Map.of()), actual.clean());
    Capture capture = Capture.of("*hook_z,*attn_out");
    try (ActivationCache clean = lens.run(CLEAN, capture);
        ActivationCache corrupted = lens.run(CORRUPTED, capture)) {
      for (int l = 0; l < 4; l++) {
        for (int h = 0; h < 8; h += 3) {
          double value = difference(direct(clean, corrupted, l, h));
          assertEquals(
              ActivationPatching.score(value, actual.clean(), actual.corrupted()),
              actual.scores().get(l).get(h));
        }
      }
    }
    // After the last layer there is nothing to hold fixed.
    assertEquals(
        ActivationPatching.of(lens, PAIRS, Site.HEAD, Direction.NOISING).scores().getLast(),
        actual.scores().getLast());
  }

  @Test
  void pathsToHeadsEqualHooks() {
    List<Head> receivers = List.of(new Head(2, 1), new Head(3, 0));
    PathPatching actual = PathPatching.toHeads(lens, PAIRS, HookSite.V, receivers);
    Capture capture = Capture.of("*hook_z,*attn_out,*hook_v");
    try (ActivationCache clean = lens.run(CLEAN, capture);
        ActivationCache corrupted = lens.run(CORRUPTED, capture)) {
      for (Head sender : List.of(new Head(0, 2), new Head(1, 5), new Head(2, 7))) {
        Map<HookPoint, Hook> hooks = direct(clean, corrupted, sender.layer(), sender.head());
        try (ActivationCache heard = lens.run(CLEAN, capture, hooks)) {
          Map<HookPoint, Hook> received = new HashMap<>();
          for (Head r : receivers) {
            Activation v = heard.get(HookSite.V, r.layer());
            received.put(v.point(), copying(v, r.head() * 32, r.head() * 32 + 32));
          }
          assertEquals(
              ActivationPatching.score(difference(received), actual.clean(), actual.corrupted()),
              actual.scores().get(sender.layer()).get(sender.head()));
        }
      }
    }
    // No component reads after the destinations.
    actual.scores().get(3).forEach(score -> assertEquals(1, score));
  }

  @Test
  void pathsFromFeedForwardBlocksEqualHooks() {
    PathPatching actual = PathPatching.toLogits(lens, PAIRS, Sender.MLP);
    List<Head> receivers = List.of(new Head(3, 5));
    PathPatching toHeads = PathPatching.toHeads(lens, PAIRS, Sender.MLP, HookSite.Q, receivers);
    Capture capture = Capture.of("*mlp_out,*attn_out,*hook_q");
    try (ActivationCache clean = lens.run(CLEAN, capture);
        ActivationCache corrupted = lens.run(CORRUPTED, capture)) {
      for (int l = 0; l < 4; l++) {
        Map<HookPoint, Hook> hooks = new HashMap<>();
        Activation sent = corrupted.get(HookSite.MLP_OUT, l);
        hooks.put(sent.point(), copying(sent, 0, 256));
        for (int later = l + 1; later < 4; later++) {
          Activation fixed = clean.get(HookSite.ATTN_OUT, later);
          hooks.put(fixed.point(), copying(fixed, 0, 256));
        }
        assertEquals(
            ActivationPatching.score(difference(hooks), actual.clean(), actual.corrupted()),
            actual.scores().get(l).getFirst());
        try (ActivationCache heard = lens.run(CLEAN, capture, hooks)) {
          Activation q = heard.get(HookSite.Q, 3);
          double value = difference(Map.of(q.point(), copying(q, 5 * 32, 6 * 32)));
          double expected = ActivationPatching.score(value, actual.clean(), actual.corrupted());
          assertEquals(l == 3 ? 1 : expected, toHeads.scores().get(l).getFirst());
        }
      }
    }
  }

  /** The definition: scores are those of the means of the metrics. */
  @Test
  void severalPairsAreAveraged() {
    var second = new TextPair(new int[] {9, 8, 7}, new int[] {9, 2, 7}, Metric.logit(17));
    List<TextPair> both = List.of(PAIRS.getFirst(), second);
    PathPatching actual = PathPatching.toLogits(lens, both);
    List<PathPatching> each =
        both.stream().map(pair -> PathPatching.toLogits(lens, List.of(pair))).toList();
    double clean = (each.get(0).clean() + each.get(1).clean()) / 2;
    double corrupted = (each.get(0).corrupted() + each.get(1).corrupted()) / 2;
    assertEquals(clean, actual.clean(), 1e-12);
    for (int l = 0; l < 4; l++) {
      for (int h = 0; h < 8; h++) {
        double mean = 0;
        for (PathPatching one : each) {
          double score = one.scores().get(l).get(h);
          mean += (one.corrupted() + score * (one.clean() - one.corrupted())) / 2;
        }
        double expected = (mean - corrupted) / (clean - corrupted);
        assertEquals(expected, actual.scores().get(l).get(h), 1e-9 * (1 + Math.abs(expected)));
      }
    }
  }

  @Test
  void rejectsInvalidEdits() {
    List<TextPair> same = List.of(TextPair.of(CLEAN, CLEAN, ANSWER, WRONG));
    assertThrows(InvalidInputException.class, () -> PathPatching.toLogits(lens, same));
    assertThrows(InvalidInputException.class, () -> PathPatching.toLogits(lens, List.of()));
    for (HookSite input : List.of(HookSite.Z, HookSite.K)) {
      assertThrows(
          InvalidInputException.class,
          () -> PathPatching.toHeads(lens, PAIRS, input, List.of(new Head(2, 4))));
    }
    // Also without a path to it.
    for (Head none : List.of(new Head(0, 8), new Head(-1, 0), new Head(4, 0))) {
      assertThrows(
          InvalidInputException.class,
          () -> PathPatching.toHeads(lens, PAIRS, HookSite.Q, List.of(none)));
    }
    assertThrows(
        InvalidInputException.class,
        () -> PathPatching.toHeads(lens, PAIRS, HookSite.Q, List.of()));
  }
}
