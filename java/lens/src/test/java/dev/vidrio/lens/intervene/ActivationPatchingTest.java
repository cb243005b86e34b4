package dev.vidrio.lens.intervene;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Edit;
import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.lens.hook.HookSite;
import dev.vidrio.lens.intervene.ActivationPatching.Direction;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.model.InvalidInputException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ActivationPatchingTest extends BardTest {
  private static final int[] CLEAN = {5, 120, 44, 700, 31, 8, 90};
  private static final int[] CORRUPTED = {5, 120, 45, 700, 31, 9, 90};
  private static final int ANSWER = 300;
  private static final int WRONG = 301;

  private static ActivationPatching patch(Site site, Direction direction) {
    return ActivationPatching.of(lens, CLEAN, CORRUPTED, ANSWER, WRONG, site, direction);
  }

  private static double difference(int[] tokens, List<Edit> edits) {
    try (ActivationCache cache = lens.run(tokens, Capture.of("unembed.hook_out"), edits)) {
      Activation logits = cache.get(HookSite.LOGITS);
      int last = tokens.length - 1;
      return (double) logits.at(last, ANSWER) - logits.at(last, WRONG);
    }
  }

  /** The definition, one run after the other. */
  @ParameterizedTest
  @EnumSource(Site.class)
  void scoresAreThoseOfSingleRuns(Site site) {
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
            case ATTN_OUT -> HookSite.ATTN_OUT;
            case MLP_OUT -> HookSite.MLP_OUT;
            case HEAD, HEAD_BY_POSITION -> HookSite.Z;
          };
      try (ActivationCache source =
          lens.run(denoising ? CLEAN : CORRUPTED, Capture.of("*." + hook.suffix()))) {
        for (int row = 0; row < actual.rows().size(); row++) {
          int layer = site == Site.HEAD_BY_POSITION ? row / 8 : row;
          Edit all = Edit.patch(source, new HookPoint(hook, layer));
          for (int column = 0; column < actual.columns().size(); column++) {
            Edit edit =
                switch (site) {
                  case HEAD -> all.head(column);
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

  private static void refused(
      String expected, int[] clean, int[] corrupted, int answer, int wrong) {
    String message =
        assertThrows(
                InvalidInputException.class,
                () ->
                    ActivationPatching.of(
                        lens, clean, corrupted, answer, wrong, Site.HEAD, Direction.NOISING))
            .getMessage();
    assertTrue(message.contains(expected), message);
  }

  @Test
  void whatDoesNotFitIsRefused() {
    refused("must have as many as the clean one, 7", CLEAN, new int[] {1, 2}, 3, 4);
    refused("has the logit difference of the clean one", CLEAN, CLEAN, 3, 4);
    refused("token id 2048", CLEAN, CORRUPTED, 2048, 4);
    refused("token id -1", CLEAN, CORRUPTED, 3, -1);
    refused("must have 1 to", new int[0], new int[0], 3, 4);
  }
}
