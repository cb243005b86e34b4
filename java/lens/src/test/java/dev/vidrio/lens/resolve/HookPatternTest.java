package dev.vidrio.lens.resolve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.BardTest;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Names of hook points, on the bard's four layers. */
class HookPatternTest extends BardTest {
  private static List<String> names(String patterns) {
    return lens.points(patterns).stream().map(HookPoint::name).toList();
  }

  /** The cache of a Llama model in TransformerLens, in its order. */
  @Test
  void blockPointsMatchTransformerLens() {
    assertEquals(
        List.of(
            "hook_resid_pre",
            "ln1.hook_scale",
            "ln1.hook_normalized",
            "attn.hook_q",
            "attn.hook_k",
            "attn.hook_v",
            "attn.hook_rot_q",
            "attn.hook_rot_k",
            "attn.hook_attn_scores",
            "attn.hook_pattern",
            "attn.hook_z",
            "hook_attn_out",
            "hook_resid_mid",
            "ln2.hook_scale",
            "ln2.hook_normalized",
            "mlp.hook_pre",
            "mlp.hook_pre_linear",
            "mlp.hook_post",
            "hook_mlp_out",
            "hook_resid_post"),
        names("blocks.2.*").stream().map(name -> name.substring("blocks.2.".length())).toList());
  }

  @Test
  void pointsOutsideOfBlocks() {
    assertEquals(
        List.of(
            "hook_embed", "ln_final.hook_scale", "ln_final.hook_normalized", "unembed.hook_out"),
        names("*").stream().filter(name -> !name.startsWith("blocks.")).toList());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "hook_embed | hook_embed",
        "blocks.-1.hook_resid_post | blocks.3.hook_resid_post",
        "blocks.1-2.attn.hook_z | blocks.1.attn.hook_z blocks.2.attn.hook_z",
        "blocks.2-9.attn.hook_z | blocks.2.attn.hook_z blocks.3.attn.hook_z",
        "blocks.3.hook_resid_post, hook_embed | hook_embed blocks.3.hook_resid_post",
        "blocks.0.hook_resid_*,blocks.0.hook_resid_pre | "
            + "blocks.0.hook_resid_pre blocks.0.hook_resid_mid blocks.0.hook_resid_post",
        "blocks.1.attn.hook_result | blocks.1.attn.hook_result",
      })
  void expandsPatterns(String patterns, String expected) {
    assertEquals(List.of(expected.split(" ")), names(patterns));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "**",
        "*hook*hook*",
        "blocks.*.hook_*_*",
        "*_out",
        "hook*d",
        "*ln*.*e",
        "*k*k*",
        "b*q",
        "blocks.*o*o*",
        "hook_embed*",
        "*hook_embed",
        "*.attn.*.hook_*",
        "*bl*ocks.1*",
      })
  void starMatchesAnyCharacters(String pattern) {
    String regex = Pattern.quote(pattern).replace("*", "\\E.*\\Q");
    List<String> expected = names("*").stream().filter(name -> name.matches(regex)).toList();
    if (expected.isEmpty()) {
      assertThrows(InvalidInputException.class, () -> names(pattern));
    } else {
      assertEquals(expected, names(pattern));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "blocks.0.hook_resid_pots, blocks.0.hook_resid_post",
    "hook_embd, hook_embed",
    "blocks.7.hook_resid_post, layers are 0 to 3",
    "resid_post, blocks.*.hook_resid_post",
    "hook_z, blocks.*.attn.hook_z",
    "blocks.5-9.hook_resid_post, layers are 0 to 3",
    "wte, '*' selects all",
    "'', '*' selects all",
    "'hook_embed,,', '*' selects all",
    "hook_pos_embed, hook_embed",
  })
  void suggestsSimilarNames(String pattern, String suggestion) {
    String message = assertThrows(InvalidInputException.class, () -> names(pattern)).getMessage();
    assertTrue(message.startsWith("hook"), message);
    assertTrue(message.contains(suggestion), message);
  }
}
