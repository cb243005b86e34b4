package dev.vidrio.lens.intervene;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.intervene.ActivationPatching.Direction;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ActivationPatchingTest extends BardTest {
  private static final int[] CLEAN = {5, 120, 44, 700, 31, 8, 90};
  private static final int[] CORRUPTED = {5, 120, 45, 700, 31, 9, 90};
  private static final int ANSWER = 300;
  private static final int WRONG = 301;
  private static final TextPair PAIR = TextPair.of(CLEAN, CORRUPTED, ANSWER, WRONG);

  private static ActivationPatching patch(Site site, Direction direction) {
    return ActivationPatching.of(lens, PAIR, site, direction);
  }

  private static double difference(int[] tokens, List<Intervention> edits) {
    try (ActivationCache cache = lens.run(tokens, Capture.of("unembed.hook_out"), edits)) {
      Activation logits = cache.get(HookSite.LOGITS);
      int last = tokens.length - 1;
      return (double) logits.at(last, ANSWER) - logits.at(last, WRONG);
    }
  }

  /** The definition, one run after the other. */
  @ParameterizedTest
  @EnumSource(Site.class)
  @Tag("long")
  void scoresEqualSingleRuns(Site site) {
    for (Direction direction : Direction.values()) {
      boolean denoising = direction == Direction.DENOISING;
      ActivationPatching actual = patch(site, direction);
      double clean = difference(CLEAN, List.of());
      double corrupted = difference(CORRUPTED, List.of());
      assertEquals(clean, actual.clean());
      assertEquals(corrupted, actual.corrupted());
      HookSite hook =
          switch (site) {
            case RESID_PRE -> HookSite.RESID_PRE;
            case RESID_MID -> HookSite.RESID_MID;
            case ATTN_OUT -> HookSite.ATTN_OUT;
            case MLP_OUT -> HookSite.MLP_OUT;
            case HEAD, HEAD_BY_POSITION -> HookSite.Z;
            case Q -> HookSite.Q;
            case K -> HookSite.K;
            case V -> HookSite.V;
            case PATTERN -> HookSite.PATTERN;
          };
      try (ActivationCache source =
          lens.run(denoising ? CLEAN : CORRUPTED, Capture.of("*." + hook.suffix()))) {
        for (int row = 0; row < actual.rows().size(); row++) {
          int layer = site == Site.HEAD_BY_POSITION ? row / 8 : row;
          Intervention all = Intervention.patch(source, new HookPoint(hook, layer));
          for (int column = 0; column < actual.columns().size(); column++) {
            Intervention edit =
                switch (site) {
                  case HEAD, Q, K, V, PATTERN -> all.head(column);
                  case HEAD_BY_POSITION -> all.head(row % 8).position(column);
                  default -> all.position(column);
                };
            double value = difference(denoising ? CORRUPTED : CLEAN, List.of(edit));
            assertEquals(
                (value - corrupted) / (clean - corrupted) + 0.0,
                actual.scores().get(row).get(column),
                actual.rows().get(row) + " " + actual.columns().get(column));
          }
        }
      }
    }
  }

  /** The stream before the first block differs where the tokens do. */
  @Test
  void patchingEqualTokensChangesNothing() {
    List<Double> denoised = patch(Site.RESID_PRE, Direction.DENOISING).scores().getFirst();
    List<Double> noised = patch(Site.RESID_PRE, Direction.NOISING).scores().getFirst();
    for (int p : new int[] {0, 1, 3, 4, 6}) {
      assertEquals(0, denoised.get(p));
      assertEquals(1, noised.get(p));
    }
  }

  @Test
  void rowsAndColumnsAreNamed() {
    ActivationPatching heads = patch(Site.HEAD, Direction.DENOISING);
    assertEquals(List.of("L0", "L1", "L2", "L3"), heads.rows());
    assertEquals("H7", heads.columns().getLast());
    assertEquals(8, heads.scores().getLast().size());
    ActivationPatching each = patch(Site.HEAD_BY_POSITION, Direction.DENOISING);
    assertEquals("L3.H7", each.rows().getLast());
    assertEquals("6", each.columns().getLast());
  }

  /** The definition: the metric is the mean, and scores are those of the means. */
  @ParameterizedTest
  @EnumSource(Site.class)
  void severalPairsAreAveraged(Site site) {
    int[] other = {5, 9, 44, 17, 31, 8, 2, 60};
    int[] without = {5, 9, 45, 17, 33, 8, 2, 60};
    TextPair second =
        site.byPosition()
            ? TextPair.of(new int[] {9, 8, 7, 6, 5, 4, 3}, new int[] {9, 8, 7, 2, 5, 4, 3}, 17, 18)
            : new TextPair(other, without, Metric.probability(17, 4));
    List<TextPair> pairs = List.of(PAIR, second);
    ActivationPatching both = ActivationPatching.of(lens, pairs, site, Direction.NOISING);
    List<ActivationPatching> each =
        pairs.stream()
            .map(pair -> ActivationPatching.of(lens, pair, site, Direction.NOISING))
            .toList();
    double clean = each.stream().mapToDouble(ActivationPatching::clean).average().orElseThrow();
    double corrupted =
        each.stream().mapToDouble(ActivationPatching::corrupted).average().orElseThrow();
    assertEquals(clean, both.clean(), 1e-12);
    assertEquals(corrupted, both.corrupted(), 1e-12);
    for (int row = 0; row < both.rows().size(); row++) {
      for (int column = 0; column < both.columns().size(); column++) {
        double mean = 0;
        for (ActivationPatching one : each) {
          double score = one.scores().get(row).get(column);
          mean += (one.corrupted() + score * (one.clean() - one.corrupted())) / each.size();
        }
        double expected = (mean - corrupted) / (clean - corrupted);
        assertEquals(expected, both.scores().get(row).get(column), 1e-9 * (1 + expected));
      }
    }
  }

  /** The interval of a ratio of means, by the deviations of the pairs from it (Taylor). */
  @Test
  void intervalsAreThoseOfRatiosOfMeans() {
    List<TextPair> pairs =
        List.of(
            PAIR,
            TextPair.of(new int[] {9, 8, 7, 6, 5, 4, 3}, new int[] {9, 8, 7, 2, 5, 4, 3}, 17, 18),
            TextPair.of(new int[] {9, 8, 70, 6, 5, 4, 3}, new int[] {9, 8, 7, 2, 5, 4, 3}, 17, 18));
    for (Direction direction : Direction.values()) {
      ActivationPatching all = ActivationPatching.of(lens, pairs, Site.HEAD, direction);
      List<ActivationPatching> each =
          pairs.stream().map(p -> ActivationPatching.of(lens, p, Site.HEAD, direction)).toList();
      double score = all.scores().get(1).get(2);
      double squares = 0;
      for (ActivationPatching one : each) {
        double whole = one.clean() - one.corrupted();
        double part = one.scores().get(1).get(2) * whole;
        squares += (part - score * whole) * (part - score * whole);
      }
      double error = Math.sqrt(squares / 2 / 3) / Math.abs(all.clean() - all.corrupted());
      assertEquals(1.96 * error, all.halfWidths().get(1).get(2), 1e-9);
    }
    assertTrue(patch(Site.HEAD, Direction.NOISING).halfWidths().get(1).get(2).isNaN());
  }

  /** Positions of texts of different lengths are not the same ones. */
  @Test
  void pairsOfDifferentLengthsHaveNoPositionsInCommon() {
    TextPair shorter = TextPair.of(new int[] {5, 6}, new int[] {5, 7}, ANSWER, WRONG);
    String message =
        assertThrows(
                InvalidInputException.class,
                () ->
                    ActivationPatching.of(
                        lens, List.of(PAIR, shorter), Site.MLP_OUT, Direction.NOISING))
            .getMessage();
    assertTrue(message.contains("must be as long as the first, 7"), message);
    assertThrows(
        InvalidInputException.class,
        () -> ActivationPatching.of(lens, List.of(), Site.HEAD, Direction.NOISING));
  }

  private static void refused(
      String expected, int[] clean, int[] corrupted, int answer, int wrong) {
    String message =
        assertThrows(
                InvalidInputException.class,
                () ->
                    ActivationPatching.of(
                        lens,
                        TextPair.of(clean, corrupted, answer, wrong),
                        Site.HEAD,
                        Direction.NOISING))
            .getMessage();
    assertTrue(message.contains(expected), message);
  }

  @Test
  void rejectsInvalidEdits() {
    refused("must have as many as the clean one, 7", CLEAN, new int[] {1, 2}, 3, 4);
    refused("metric equals that of the clean text", CLEAN, CLEAN, 3, 4);
    refused("token id 2048", CLEAN, CORRUPTED, 2048, 4);
    refused("token id -1", CLEAN, CORRUPTED, 3, -1);
    refused("must have 1 to", new int[0], new int[0], 3, 4);
    refused("must differ from the correct answer", CLEAN, CORRUPTED, 3, 3);
  }
}
