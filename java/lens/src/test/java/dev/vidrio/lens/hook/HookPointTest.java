package dev.vidrio.lens.hook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Hook points by site and layer, and by name. */
class HookPointTest extends BardTest {
  private static void assertMessage(String expected, Runnable action) {
    assertEquals(expected, assertThrows(InvalidInputException.class, action::run).getMessage());
  }

  @Test
  void rejectsWrongLayers() {
    assertMessage(
        "layer of hook_resid_post -1: must be at least 0", () -> HookPoint.of(HookSite.RESID_POST));
    assertMessage(
        "layer of hook_embed 3: must be -1, as the site is not in a block",
        () -> new HookPoint(HookSite.EMBED, 3));
  }

  @ParameterizedTest
  @CsvSource({
    "hook_embed, EMBED, -1",
    "blocks.2.attn.hook_z, Z, 2",
    "blocks.-1.hook_resid_post, RESID_POST, 3",
  })
  void resolvesNames(String name, HookSite site, int layer) {
    assertEquals(new HookPoint(site, layer), lens.point(name));
  }

  @Test
  void rejectsNamesOfSeveralPointsOrNone() {
    assertMessage(
        "hook blocks.*.hook_resid_post: must select one hook point, not 4",
        () -> lens.point("blocks.*.hook_resid_post"));
    assertMessage("hook hook_embd: not found; similar: hook_embed", () -> lens.point("hook_embd"));
    assertMessage(
        "hook blocks.7-9.*: the model's layers are 0 to 3, or -4 to -1",
        () -> lens.points("blocks.7-9.*"));
    assertMessage(
        "hook blocks.-5.hook_resid_post: the model's layers are 0 to 3, or -4 to -1",
        () -> lens.point("blocks.-5.hook_resid_post"));
    assertMessage(
        "hook blocks.4.hook_resid_pre: the model's layers are 0 to 3, or -4 to -1",
        () -> lens.point("blocks.4.hook_resid_pre"));
    assertMessage(
        "hook blocks.9.hok: not found; '*' selects all", () -> lens.point("blocks.9.hok"));
  }

  @Test
  void activationToStringHasNameAndShape() {
    try (ActivationCache cache = lens.run(new int[] {1, 2, 3}, Capture.of("*.hook_z"))) {
      assertEquals("blocks.1.attn.hook_z [3, 8, 32]", cache.get(HookSite.Z, 1).toString());
    }
  }
}
