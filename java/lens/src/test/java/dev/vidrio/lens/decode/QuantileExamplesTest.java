package dev.vidrio.lens.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.decode.MaxActivatingExamples.Example;
import dev.vidrio.lens.decode.QuantileExamples.Group;
import dev.vidrio.lens.hook.ActivationCache;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;

class QuantileExamplesTest extends BardTest {
  private final List<int[]> texts =
      List.of(
          model.tokenizer().encode("To be, or not to be: that is the question"),
          model.tokenizer().encode("The king and his queen"));

  private final ScalarFeature unit = new ScalarFeature.Element(new HookPoint(HookSite.POST, 2), 17);

  @Test
  void groupsHaveEqualNumbersAndRealExamples() {
    List<Float> values = new ArrayList<>();
    List<List<Float>> byText = new ArrayList<>();
    for (int[] text : texts) {
      List<Float> own = new ArrayList<>();
      try (ActivationCache cache = lens.run(text, Capture.of(unit.point().name()))) {
        for (float value : unit.values(cache)) {
          own.add(value);
        }
      }
      byText.add(own);
      values.addAll(own.subList(1, own.size()));
    }
    Collections.sort(values);
    int n = values.size();
    QuantileExamples found = QuantileExamples.of(lens, texts, unit, 5, 2, 3, 1);
    assertEquals(n, found.tokens());
    assertEquals(5, found.groups().size());
    for (int g = 0; g < 5; g++) {
      Group group = found.groups().get(g);
      assertEquals(values.get(n * g / 5), group.from());
      assertEquals(values.get(n * (g + 1) / 5 - 1), group.to());
      assertEquals(2, group.examples().size());
      assertEquals(2, new HashSet<>(group.examples()).size());
      for (Example example : group.examples()) {
        assertTrue(example.value() >= group.from() && example.value() <= group.to());
        assertEquals(byText.get(example.text()).get(example.position()), example.value());
        int token = texts.get(example.text())[example.position()];
        assertEquals(token, example.context().get(example.position() - example.from()));
      }
    }
    assertEquals(found, QuantileExamples.of(lens, texts, unit, 5, 2, 3, 1));
  }

  @Test
  void rejectsMoreGroupsThanTokens() {
    assertThrows(
        InvalidInputException.class, () -> QuantileExamples.of(lens, texts, unit, 1000, 2, 3, 1));
    assertThrows(
        InvalidInputException.class, () -> QuantileExamples.of(lens, texts, unit, 5, 0, 3, 1));
    assertThrows(
        InvalidInputException.class, () -> QuantileExamples.of(lens, texts, unit, 5, 1, -1, 1));
  }
}
