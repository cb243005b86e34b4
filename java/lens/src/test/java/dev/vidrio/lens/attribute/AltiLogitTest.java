package dev.vidrio.lens.attribute;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.attribute.ContextMixing.Measure;
import dev.vidrio.lens.component.LogitDirection;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.inspect.DirectLogitAttribution;
import dev.vidrio.lens.inspect.DirectLogitAttribution.By;
import dev.vidrio.lens.inspect.DirectLogitAttribution.Part;
import dev.vidrio.model.Model;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class AltiLogitTest {
  @TempDir Path directory;

  /** Shares add up to 1: what the tokens add is what embedding and attention add, no less. */
  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void tokensAddUpToEmbeddingAndAttention(String name) throws IOException {
    assumeFalse(TinyModels.isHybrid(name), "refused: what is there instead mixes tokens too");
    assumeFalse(
        TinyModels.has(name, Trait.PARALLEL_STREAMS), "refused: the last stream is not one sum");
    assumeFalse(
        TinyModels.has(name, Trait.LAYERS_WITHOUT_ATTENTION), "refused: not all layers mix tokens");
    assumeFalse(TinyModels.changesHeads(name), "refused: what a token adds depends on others");
    int[] tokens = TinyModels.expected(name).ints("tokens");
    try (Model model = Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name))) {
      Lens lens = Lens.of(model);
      int position = tokens.length - 2;
      AltiLogit actual = AltiLogit.of(lens, tokens, position, 3, 7);
      assertEquals(position + 1, actual.tokens().size());
      var direct = DirectLogitAttribution.of(lens, tokens, position, 3, 7, By.HEAD);
      double expected =
          direct.parts().stream()
              .filter(part -> part.component().matches("embed|pos_embed|L\\d+\\.H\\d+"))
              .mapToDouble(Part::value)
              .sum();
      double sum = actual.tokens().stream().mapToDouble(Double::doubleValue).sum();
      assertEquals(expected, sum, 1e-3 * (1 + Math.abs(expected)));
      assertEquals(direct.sum(), sum + actual.rest(), 1e-3 * (1 + Math.abs(direct.sum())));
      assertEquals(direct.logit(), actual.logit());
    }
  }

  /** In a text of two tokens the first one's part goes by one layer or by two. */
  @Test
  void twoTokensByHand() {
    try (Model model = Model.open(BardFiles.f32())) {
      Lens lens = Lens.of(model);
      int[] two = {120, 44};
      AltiLogit actual = AltiLogit.of(lens, two, 1, 300, -1);
      ContextMixing mixing = ContextMixing.of(lens, two, Measure.ALTI);
      LogitDirection readout = LogitDirection.of(model, 300);
      double first = 0;
      try (ActivationCache cache =
          lens.run(two, Capture.of("*.hook_pattern, *.hook_v, ln_final.hook_scale"))) {
        double scale = cache.get(HookSite.LN_FINAL_SCALE).at(1, 0);
        for (int l = 0; l < 4; l++) {
          double ofFirst = 0;
          double ofSecond = 0;
          for (int h = 0; h < 8; h++) {
            float[] head = result(lens, two, l, h, 0);
            ofFirst += readout.of(head, scale);
            ofSecond += readout.of(result(lens, two, l, h, 1), scale);
          }
          first += ofFirst + (l == 0 ? 0 : ofSecond * mixing.rolledOut(l - 1, 1, 0));
        }
      }
      assertEquals(first, actual.tokens().getFirst(), 1e-3 * (1 + Math.abs(first)));
    }
  }

  /**
   * Returns the contribution of a head at token 1 by token j: its result if the other token's
   * values are zero.
   */
  private static float[] result(Lens lens, int[] two, int layer, int head, int j) {
    HookPoint values = new HookPoint(HookSite.V, layer);
    HookPoint result = new HookPoint(HookSite.RESULT, layer);
    try (ActivationCache cache =
        lens.run(
            two, Capture.of(result.name()), List.of(Intervention.zero(values).position(1 - j)))) {
      float[] all = cache.get(result).row(1);
      int d = cache.get(result).shape().getLast();
      return Arrays.copyOfRange(all, head * d, (head + 1) * d);
    }
  }

  @Test
  void rejectsPositionsOutsideText() {
    try (Model model = Model.open(BardFiles.q8())) {
      Lens lens = Lens.of(model);
      int[] two = {120, 44};
      assertThrows(InvalidInputException.class, () -> AltiLogit.of(lens, two, 2, 300, -1));
      assertThrows(InvalidInputException.class, () -> AltiLogit.of(lens, two, 1, 1 << 20, -1));
    }
  }
}
