package dev.vidrio.lens.intervene;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.component.LogitDirection;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.intervene.BackupHeads.Backup;
import dev.vidrio.lens.intervene.BackupHeads.Prompt;
import java.util.List;
import org.junit.jupiter.api.Test;

class BackupHeadsTest extends BardTest {
  private static final Prompt FIRST = new Prompt(new int[] {5, 120, 44, 700, 31, 8}, 300, 301);
  private static final Prompt SECOND = new Prompt(new int[] {5, 12, 444, 70, 31, 8, 9}, 17, 301);
  private static final List<Prompt> PROMPTS = List.of(FIRST, SECOND);

  private static double metric(Prompt prompt, Intervention... edits) {
    return Metric.logitDifference(prompt.answer(), prompt.wrong())
        .of(lens, prompt.tokens(), List.of(edits));
  }

  /** The dot product of a head's output with the direction of the logit difference. */
  private static double direct(Prompt prompt, int layer, int head, Intervention... edits) {
    int last = prompt.tokens().length - 1;
    Capture capture = Capture.of("*.hook_result,ln_final.hook_scale").positions(last, last + 1);
    try (ActivationCache cache = lens.run(prompt.tokens(), capture, List.of(edits))) {
      float[] all = cache.get(HookSite.RESULT, layer).row(0);
      var own = new float[256];
      System.arraycopy(all, 256 * head, own, 0, 256);
      double scale = cache.get(HookSite.LN_FINAL_SCALE).at(0, 0);
      return LogitDirection.of(lens, prompt.answer(), prompt.wrong()).of(own, scale);
    }
  }

  @Test
  void effectsEqualSingleRuns() {
    BackupHeads actual = BackupHeads.zero(lens, PROMPTS, 1, 3);
    Intervention without = Intervention.zero(new HookPoint(HookSite.Z, 1)).head(3);
    Intervention other = Intervention.zero(new HookPoint(HookSite.Z, 3)).head(2);
    double direct = 0;
    double total = 0;
    double change = 0;
    double importance = 0;
    for (Prompt prompt : PROMPTS) {
      direct += direct(prompt, 1, 3) / 2;
      total += (metric(prompt) - metric(prompt, without)) / 2;
      change += (direct(prompt, 3, 2, without) - direct(prompt, 3, 2)) / 2;
      importance +=
          (metric(prompt, without)
                  - metric(prompt, without, other)
                  - metric(prompt)
                  + metric(prompt, other))
              / 2;
    }
    assertEquals(direct, actual.direct().mean(), 1e-5);
    assertEquals(total, actual.total().mean(), 1e-5);
    assertEquals(direct - total, actual.repair().mean(), 1e-5);
    Backup backup =
        actual.parts().stream().filter(p -> p.name().equals("L3.H2")).findFirst().orElseThrow();
    assertEquals(change, backup.change().mean(), 1e-5);
    assertEquals(importance, backup.importance().mean(), 1e-5);
    assertEquals(2 * 9, actual.parts().size());
  }

  /** A head that is replaced by its own output has no effect. */
  @Test
  void resampleBySameTextChangesNothing() {
    List<int[]> same = PROMPTS.stream().map(Prompt::tokens).toList();
    BackupHeads actual = BackupHeads.resample(lens, PROMPTS, same, 2, 1);
    assertEquals(0, actual.direct().mean());
    assertEquals(0, actual.total().mean());
    actual.parts().forEach(part -> assertEquals(0, part.change().mean(), part.name()));
  }

  private static void refused(String expected, Runnable action) {
    String message = assertThrows(InvalidInputException.class, action::run).getMessage();
    assertTrue(message.contains(expected), message);
  }

  @Test
  void rejectsInvalidHeads() {
    Lens any = lens;
    refused("layer 4: must be 0 to 3", () -> BackupHeads.zero(any, PROMPTS, 4, 0));
    refused("head 8: must be 0 to 7", () -> BackupHeads.zero(any, PROMPTS, 0, 8));
    refused("prompts 0", () -> BackupHeads.zero(any, List.of(), 0, 0));
    refused("texts 0: must be 2", () -> BackupHeads.resample(any, PROMPTS, List.of(), 0, 0));
  }
}
