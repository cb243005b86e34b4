package dev.vidrio.lens.decode.probe;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.decode.probe.LabeledTokens.Word;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Words aligned to tokens. */
class LabeledTokensTest extends BardTest {
  private static final List<Word> WORDS =
      List.of(
          new Word("Unfathomable", true, 0, 0),
          new Word("Straße", true, 1, 1),
          new Word("remembers", false, 2, 2),
          new Word(",", true, 3, 3),
          new Word("thee", false, 1, 4),
          new Word(".", true, 3, 5));

  @Test
  void labelsTheLastTokenOfEachWord() {
    LabeledTokens text = LabeledTokens.ofWords(model.tokenizer(), WORDS);
    assertArrayEquals(
        model.tokenizer().encode("Unfathomable Straße remembers, thee."), text.tokens());
    assertArrayEquals(new int[] {0, 1, 2, 3, 1, 3}, text.labels());
    String before = "";
    int[] positions = text.positions();
    assertTrue(positions.length < text.tokens().length - 1);
    for (int w = 0; w < positions.length; w++) {
      int[] prefix = Arrays.copyOfRange(text.tokens(), 0, positions[w] + 1);
      String spelled = new String(model.tokenizer().decodeBytes(prefix), StandardCharsets.UTF_8);
      assertTrue(spelled.endsWith(WORDS.get(w).text()), spelled);
      assertTrue(spelled.length() > before.length());
      before = spelled;
    }
  }

  @Test
  void readsActivationsOfLabeledTokens() {
    LabeledTokens text = LabeledTokens.ofWords(model.tokenizer(), WORDS);
    LabeledTokens other = LabeledTokens.ofWords(model.tokenizer(), WORDS.subList(2, 6));
    var point = new HookPoint(HookSite.RESID_POST, 2);
    Examples examples =
        Objects.requireNonNull(
            Examples.ofTokens(lens, "blocks.1-2.hook_resid_post", List.of(text, other), 4)
                .get(point));
    assertEquals(10, examples.size());
    assertArrayEquals(new int[] {0, 0, 0, 0, 0, 0, 1, 1, 1, 1}, examples.groups());
    for (int i = 0; i < 6; i++) {
      assertArrayEquals(lens.row(text.tokens(), point, text.positions()[i]), examples.row(i));
      assertEquals(text.labels()[i], examples.label(i));
    }
    assertEquals(2, examples.type(6));
  }

  @Test
  void reportsInvalidInput() {
    assertThrows(
        InvalidInputException.class,
        () -> new LabeledTokens(new int[3], new int[] {3}, new int[1], new int[1]));
    assertThrows(
        InvalidInputException.class,
        () -> new LabeledTokens(new int[3], new int[] {1}, new int[2], new int[1]));
  }
}
