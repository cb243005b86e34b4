package dev.vidrio.lens.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.TextChunks;
import dev.vidrio.lens.decode.MaxActivatingExamples.Example;
import dev.vidrio.lens.decode.probe.Examples;
import dev.vidrio.lens.hook.ActivationCache;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Test;

class MaxActivatingExamplesTest extends BardTest {
  private final List<int[]> texts =
      List.of(
          model.tokenizer().encode("To be, or not to be: that is the question"),
          model.tokenizer().encode("The king and his queen"),
          model.tokenizer().encode("To be, or not to be: that is the question"));

  /** The whole text in memory, sorted: equal places stay in the order of the text. */
  @Test
  void ordersByActivation() {
    ScalarFeature neuron = new ScalarFeature.Element(new HookPoint(HookSite.POST, 2), 17);
    ScalarFeature head = new ScalarFeature.Head(1, 3);
    for (ScalarFeature unit : List.of(neuron, head)) {
      List<Example> all = new ArrayList<>();
      long active = 0;
      for (int t = 0; t < texts.size(); t++) {
        try (ActivationCache cache = lens.run(texts.get(t), Capture.of(unit.point().name()))) {
          for (int i = 1; i < cache.rows(); i++) {
            float value = unit.values(cache)[i];
            active += value > 0 ? 1 : 0;
            all.add(new Example(t, i, value, i, List.of(texts.get(t)[i])));
          }
        }
      }
      all.sort(Comparator.comparingDouble(example -> -example.value()));
      MaxActivatingExamples found = MaxActivatingExamples.of(lens, texts, unit, 7, 0);
      assertEquals(all.subList(0, 7), found.examples());
      assertEquals(all.size(), found.tokens());
      assertEquals(active / (double) all.size(), found.active());
      assertEquals(all, MaxActivatingExamples.of(lens, texts, unit, 1000, 0).examples());
    }
  }

  /** A head's length is that of its slice of z. */
  @Test
  void headsAreMeasuredByWhatTheyGather() {
    try (ActivationCache cache = lens.run(texts.getFirst(), Capture.of("blocks.1.attn.hook_z"))) {
      double sum = 0;
      for (int j = 0; j < 32; j++) {
        sum += Math.pow(cache.get("blocks.1.attn.hook_z").at(4, 3, j), 2);
      }
      assertEquals(Math.sqrt(sum), new ScalarFeature.Head(1, 3).values(cache)[4], 1e-5);
    }
  }

  @Test
  void contextsAreCutAtTheEnds() {
    ScalarFeature unit = new ScalarFeature.Element(new HookPoint(HookSite.POST, 0), 5);
    for (Example e : MaxActivatingExamples.of(lens, texts, unit, 100, 3).examples()) {
      assertEquals(Math.max(0, e.position() - 3), e.from());
      int end = Math.min(texts.get(e.text()).length, e.position() + 4);
      assertEquals(end - e.from(), e.context().size());
      assertEquals(texts.get(e.text())[e.position()], e.context().get(e.position() - e.from()));
    }
  }

  @Test
  void chunksHoldTheWholeText() {
    int[] tokens = texts.getFirst();
    List<Integer> all = new ArrayList<>();
    for (int[] chunk : TextChunks.of(model, tokens, 5)) {
      assertEquals(tokens[0], chunk[0]);
      for (int i = 1; i < chunk.length; i++) {
        all.add(chunk[i]);
      }
    }
    assertEquals(tokens.length - 1, all.size());
    for (int i = 1; i < tokens.length; i++) {
      assertEquals(tokens[i], all.get(i - 1));
    }
    assertThrows(InvalidInputException.class, () -> TextChunks.of(model, tokens, 1));
    assertThrows(InvalidInputException.class, () -> TextChunks.of(model, new int[1], 5));
  }

  @Test
  void reportsInvalidInput() {
    HookPoint post = new HookPoint(HookSite.POST, 0);
    assertThrows(
        InvalidInputException.class,
        () -> MaxActivatingExamples.of(lens, texts, new ScalarFeature.Element(post, 768), 1, 1));
    assertThrows(
        InvalidInputException.class,
        () -> MaxActivatingExamples.of(lens, texts, new ScalarFeature.Head(0, 8), 1, 1));
    assertThrows(
        InvalidInputException.class,
        () -> MaxActivatingExamples.of(lens, texts, new ScalarFeature.Element(post, 0), 0, 1));
    // Hook points without a row per token.
    HookPoint pattern = new HookPoint(HookSite.PATTERN, 0);
    assertThrows(InvalidInputException.class, () -> new ScalarFeature.Element(pattern, 0));
    assertThrows(
        InvalidInputException.class, () -> TextChunks.activations(lens, pattern.name(), texts));
    assertThrows(
        InvalidInputException.class,
        () -> Examples.ofLastTokens(lens, "hook_embed," + pattern, texts, new int[3], 1));
  }
}
