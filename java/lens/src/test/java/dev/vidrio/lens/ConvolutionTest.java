package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.attribute.ContextMixing;
import dev.vidrio.lens.circuit.ComponentGraph;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.inspect.DirectLogitAttribution;
import dev.vidrio.lens.intervene.ActivationPatching;
import dev.vidrio.lens.intervene.ComponentAblation;
import dev.vidrio.lens.intervene.PathPatching;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/**
 * A model with a convolution instead of attention in its first layer, and attention in its second.
 */
class ConvolutionTest {
  private static final int[] TOKENS = {3, 17, 40, 5, 22, 9};

  private Model model;
  private Lens lens;

  @BeforeEach
  void open(@TempDir Path directory) throws IOException {
    model = Model.open(TinyModels.write(directory.resolve("lfm2.gguf"), "lfm2"));
    lens = Lens.of(model);
  }

  @AfterEach
  void close() {
    model.close();
  }

  /** The gates are factors, as the block defines them. */
  @Test
  void activationsAreProductsOfGates() {
    try (ActivationCache cache = lens.run(TOKENS, Capture.of("blocks.0.conv.*"))) {
      assertProduct(cache, HookSite.CONV_B, HookSite.CONV_X, HookSite.CONV_PRE);
      assertProduct(cache, HookSite.CONV_C, HookSite.CONV_MID, HookSite.CONV_POST);
    }
  }

  private static void assertProduct(ActivationCache cache, HookSite a, HookSite b, HookSite y) {
    Activation product = cache.get(y, 0);
    for (int i = 0; i < TOKENS.length; i++) {
      for (int j = 0; j < product.shape().getLast(); j++) {
        assertEquals(cache.get(a, 0).at(i, j) * cache.get(b, 0).at(i, j), product.at(i, j));
      }
    }
  }

  /** A token that is not convolved leaves a trace in the next two, and no earlier one. */
  @Test
  void editsReachTokensWithinConvolution() {
    var pre = new HookPoint(HookSite.CONV_PRE, 0);
    Capture capture = Capture.of("blocks.0.conv.hook_mid");
    try (ActivationCache before = lens.run(TOKENS, capture);
        ActivationCache after =
            lens.run(TOKENS, capture, List.of(Intervention.zero(pre).position(2)))) {
      for (int i = 0; i < TOKENS.length; i++) {
        boolean same =
            Arrays.equals(
                before.get(HookSite.CONV_MID, 0).row(i), after.get(HookSite.CONV_MID, 0).row(i));
        assertEquals(i < 2 || i > 4, same, "token " + i);
      }
    }
  }

  @Test
  void attributionsNameTheConvolution() {
    for (var by : List.of(DirectLogitAttribution.By.LAYER, DirectLogitAttribution.By.HEAD)) {
      var attribution = DirectLogitAttribution.of(lens, TOKENS, 4, 7, -1, by);
      List<String> names =
          attribution.parts().stream().map(DirectLogitAttribution.Part::component).toList();
      assertTrue(names.containsAll(List.of("L0.conv", "L2.conv", "L3.conv", "L1.mlp")));
      assertEquals(by == DirectLogitAttribution.By.LAYER, names.contains("L1.attn"));
    }
  }

  @Test
  void ablatesOnlyLayersWithTheSite() {
    var heads =
        ComponentAblation.zero(lens, TOKENS, Metric.probability(7), ActivationPatching.Site.HEAD);
    assertEquals(List.of("L1"), heads.rows());
  }

  @Test
  void rejectsMethodsThatNeedAttentionInAllLayers() {
    for (var measure : ContextMixing.Measure.values()) {
      assertRefused(() -> ContextMixing.of(lens, TOKENS, measure));
    }
    assertRefused(() -> ComponentGraph.of(lens));
    int[] other = {3, 17, 41, 5, 22, 9};
    assertRefused(() -> PathPatching.toLogits(lens, List.of(TextPair.of(TOKENS, other, 7, 9))));
  }

  private static void assertRefused(Executable method) {
    String message = assertThrows(InvalidInputException.class, method).getMessage();
    assertTrue(String.valueOf(message).contains("layer 0 has a convolution"), message);
  }
}
