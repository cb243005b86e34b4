package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.inspect.DirectLogitAttribution;
import dev.vidrio.lens.inspect.DirectLogitAttribution.By;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Models with a recurrence instead of attention in their first layer, and gated heads in their
 * second.
 */
class RecurrenceTest {
  private static final int KEY_HEADS = 2;
  private static final int HEADS = 6;
  private static final int D_K = 8;
  private static final int D_V = 8;

  @TempDir Path directory;

  private Model open(String name) throws IOException {
    return Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name));
  }

  /** The gated delta rule, token by token in double precision, from what the states read. */
  @ParameterizedTest
  @CsvSource({"qwen3next, false", "qwen35, true", "qwen35moe, true"})
  void statesFollowDeltaRule(String name, boolean tiled) throws IOException {
    int[] tokens = TinyModels.expected(name).ints("tokens");
    try (Model model = open(name);
        Arena arena = Arena.ofConfined();
        ActivationCache cache = Lens.of(model).run(tokens, Capture.of("blocks.0.recurrent.*"))) {
      var rates = TinyModels.gguf(name, arena).tensor("blk.0.ssm_a").data();
      for (int h = 0; h < HEADS; h++) {
        double a = rates.getAtIndex(JAVA_FLOAT_UNALIGNED, h);
        int keyHead = tiled ? h % KEY_HEADS : h / (HEADS / KEY_HEADS);
        var state = new double[D_K][D_V];
        for (int t = 0; t < tokens.length; t++) {
          float[] q = head(cache.get(HookSite.RECURRENT_Q, 0), t, keyHead, D_K);
          float[] k = head(cache.get(HookSite.RECURRENT_K, 0), t, keyHead, D_K);
          float[] v = head(cache.get(HookSite.RECURRENT_V, 0), t, h, D_V);
          double decay = Math.exp(a * cache.get(HookSite.RECURRENT_STEP, 0).at(t, h));
          double beta = cache.get(HookSite.RECURRENT_BETA, 0).at(t, h);
          float[] z = head(cache.get(HookSite.RECURRENT_Z, 0), t, h, D_V);
          for (int c = 0; c < D_V; c++) {
            double answer = 0;
            for (int i = 0; i < D_K; i++) {
              state[i][c] *= decay;
              answer += state[i][c] * k[i];
            }
            double sum = 0;
            for (int i = 0; i < D_K; i++) {
              state[i][c] += k[i] * beta * (v[c] - answer);
              sum += state[i][c] * q[i];
            }
            assertEquals(sum, z[c], 1e-5, "head " + h + ", token " + t);
          }
        }
      }
    }
  }

  private static float[] head(Activation x, int token, int head, int width) {
    var elements = new float[width];
    for (int i = 0; i < width; i++) {
      elements[i] = x.at(token, head * width + i);
    }
    return elements;
  }

  /** The RG-LRU, token by token in double precision, from what the states read. */
  @Test
  void statesOfIndependentElementsDecay() throws IOException {
    String name = "recurrent_gemma";
    int[] tokens = TinyModels.expected(name).ints("tokens");
    try (Model model = open(name);
        Arena arena = Arena.ofConfined();
        ActivationCache cache = Lens.of(model).run(tokens, Capture.of("blocks.0.recurrent.*"))) {
      var rates = TinyModels.gguf(name, arena).tensor("blk.0.ssm_a").data();
      Activation z = cache.get(HookSite.RECURRENT_Z, 0);
      for (int i = 0; i < z.row(0).length; i++) {
        double a = rates.getAtIndex(JAVA_FLOAT_UNALIGNED, i);
        double state = cache.get(HookSite.RECURRENT_V, 0).at(0, i);
        assertEquals(state, z.at(0, i));
        for (int t = 1; t < tokens.length; t++) {
          double decay = Math.exp(a * cache.get(HookSite.RECURRENT_STEP, 0).at(t, i));
          double v = cache.get(HookSite.RECURRENT_V, 0).at(t, i);
          state = decay * state + Math.sqrt(1 - decay * decay) * v;
          assertEquals(state, z.at(t, i), 1e-5, "element " + i + ", token " + t);
        }
      }
    }
  }

  /** Queries are as long as 1/√d_k, keys as 1. */
  @ParameterizedTest
  @ValueSource(strings = {"qwen3next", "qwen35"})
  void queriesAndKeysHaveUnitLength(String name) throws IOException {
    try (Model model = open(name);
        ActivationCache cache =
            Lens.of(model).run(new int[] {3, 17, 40}, Capture.of("blocks.0.recurrent.*"))) {
      for (int head = 0; head < KEY_HEADS; head++) {
        assertEquals(1 / Math.sqrt(D_K), length(cache, HookSite.RECURRENT_Q, head), 1e-4);
        assertEquals(1, length(cache, HookSite.RECURRENT_K, head), 1e-4);
      }
    }
  }

  private static double length(ActivationCache cache, HookSite site, int head) {
    double sum = 0;
    for (float x : head(cache.get(site, 0), 2, head, D_K)) {
      sum += (double) x * x;
    }
    return Math.sqrt(sum);
  }

  /** Compares with the definition. */
  @ParameterizedTest
  @ValueSource(strings = {"qwen3next", "qwen35", "qwen35moe"})
  void headsAreGated(String name) throws IOException {
    int[] tokens = TinyModels.expected(name).ints("tokens");
    try (Model model = open(name);
        ActivationCache cache = Lens.of(model).run(tokens, Capture.of("blocks.1.attn.*"))) {
      Activation z = cache.get(HookSite.Z, 1);
      for (int h = 0; h < z.shape().get(1); h++) {
        for (int i = 0; i < z.shape().get(2); i++) {
          double gate = cache.get(HookSite.GATE, 1).at(tokens.length - 1, h, i);
          double mixed = cache.get(HookSite.Z_PRE, 1).at(tokens.length - 1, h, i);
          double expected = mixed / (1 + Math.exp(-gate));
          assertEquals(expected, z.at(tokens.length - 1, h, i), 1e-6 * (1 + Math.abs(expected)));
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"qwen3next", "qwen35"})
  void attributionsNameTheRecurrence(String name) throws IOException {
    int[] tokens = {3, 17, 40, 5};
    try (Model model = open(name)) {
      Lens lens = Lens.of(model);
      var attribution = DirectLogitAttribution.of(lens, tokens, 3, 7, -1, By.HEAD);
      List<String> names =
          attribution.parts().stream().map(DirectLogitAttribution.Part::component).toList();
      assertTrue(names.containsAll(List.of("L0.recurrent", "L1.H3", "L2.recurrent")), "" + names);
      String message =
          assertThrows(
                  InvalidInputException.class,
                  () -> DirectLogitAttribution.of(lens, tokens, 3, 7, -1, By.PATH))
              .getMessage();
      assertTrue(String.valueOf(message).contains("heads of layer 1 go through gates"), message);
    }
  }
}
