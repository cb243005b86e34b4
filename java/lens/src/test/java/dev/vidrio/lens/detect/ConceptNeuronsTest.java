package dev.vidrio.lens.detect;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.detect.ConceptNeurons.Neuron;
import dev.vidrio.lens.detect.ConceptNeurons.Response;
import dev.vidrio.lens.hook.ActivationCache;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ConceptNeuronsTest extends BardTest {
  private static final int[] LABELS = {0, 1, 0, 2, 1, 0};

  private final List<int[]> texts =
      Stream.of(
              "The king and queen",
              "Where is my dog?",
              "His majesty the king speaks",
              "O Romeo, Romeo",
              "The dog barks at the cat",
              "A crown for the prince")
          .map(model.tokenizer()::encode)
          .toList();

  @Test
  void areasCountPairsInOrder() {
    float[] responses = {3, 1, 2, 2, -0.0f, 0.0f};
    int[] labels = {0, 0, 1, 0, 1, 1};
    int pairs = 0;
    double ordered = 0;
    for (int i = 0; i < 6; i++) {
      for (int j = 0; j < 6; j++) {
        if (labels[i] == 0 && labels[j] == 1) {
          pairs++;
          ordered += responses[i] > responses[j] ? 1 : responses[i] == responses[j] ? 0.5 : 0;
        }
      }
    }
    double area = ordered / pairs;
    assertArrayEquals(
        new double[] {area, 1 - area}, ConceptNeurons.areas(responses, labels, 2), 1e-12);
  }

  @ParameterizedTest
  @EnumSource(Response.class)
  void responsesAreThoseOfRuns(Response response) {
    ConceptNeurons found = ConceptNeurons.of(lens, texts, LABELS, response, 7);
    assertEquals(6, found.texts());
    assertEquals(3, found.classes());
    HookPoint post = new HookPoint(HookSite.POST, 2);
    Neuron neuron =
        found.neurons().stream().filter(n -> n.name().equals("L2.N40")).findFirst().orElseThrow();
    var responses = new float[texts.size()];
    for (int t = 0; t < responses.length; t++) {
      try (ActivationCache cache = lens.run(texts.get(t), Capture.of(post.name()))) {
        double sum = 0;
        float most = Float.NEGATIVE_INFINITY;
        for (int i = 1; i < texts.get(t).length; i++) {
          sum += cache.get(post).at(i, 40);
          most = Math.max(most, cache.get(post).at(i, 40));
        }
        responses[t] = response == Response.MEAN ? (float) (sum / (texts.get(t).length - 1)) : most;
      }
    }
    double[] areas = ConceptNeurons.areas(responses, LABELS, 3);
    for (int c = 0; c < 3; c++) {
      assertEquals(areas[c], neuron.areas().get(c), 1e-12);
    }
    double own = (responses[0] + responses[2] + responses[5]) / 3.0;
    double others = (responses[1] + responses[3] + responses[4]) / 3.0;
    assertEquals(Math.signum(own - others), Math.signum(neuron.differences().getFirst()));
    List<Neuron> ranked = found.ranked(1);
    assertTrue(ranked.get(0).areas().get(1) >= ranked.get(1).areas().get(1));
    assertTrue(found.control() > 0.5 && found.control() <= 1);
  }

  @Test
  void rejectsLabelsThatDoNotFit() {
    List<int[]> labels = List.of(new int[6], new int[] {0, 1}, new int[] {0, 2, 0, 2, 0, 2});
    for (int[] wrong : labels) {
      assertThrows(
          InvalidInputException.class,
          () -> ConceptNeurons.of(lens, texts, wrong, Response.MEAN, 0));
    }
    List<int[]> empty = List.of(new int[] {3, 4}, new int[] {3});
    assertThrows(
        InvalidInputException.class,
        () -> ConceptNeurons.of(lens, empty, new int[] {0, 1}, Response.MEAN, 0));
  }
}
