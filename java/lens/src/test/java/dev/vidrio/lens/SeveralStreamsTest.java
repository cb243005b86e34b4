package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.attribute.ContextMixing;
import dev.vidrio.lens.attribute.ContextMixing.Measure;
import dev.vidrio.lens.circuit.ComponentGraph;
import dev.vidrio.lens.decode.TunedLensTrainer;
import dev.vidrio.lens.decode.VocabularyProjection;
import dev.vidrio.lens.detect.NeuronDetection;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.inspect.DirectLogitAttribution;
import dev.vidrio.lens.inspect.DirectLogitAttribution.By;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.lens.inspect.ResidualDecomposition;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** Models with several residual streams (AltUp). Each block computes the first stream. */
class SeveralStreamsTest {
  @TempDir Path directory;

  private Model open() throws IOException {
    return Model.open(TinyModels.write(directory.resolve("gemma3n.gguf"), "gemma3n"));
  }

  /** A block adds to its prediction of the first. */
  @Test
  void blocksAddToThePredictedStream() throws IOException {
    int[] tokens = TinyModels.expected("gemma3n").ints("tokens");
    try (Model model = open();
        ActivationCache cache =
            Lens.of(model).run(tokens, Capture.of("*.hook_resid_*,*.hook_*_out"))) {
      for (int l = 0; l < model.architecture().layers(); l++) {
        float[] pre = cache.get(HookSite.RESID_PRE, l).toArray();
        float[] attention = cache.get(HookSite.ATTN_OUT, l).toArray();
        float[] laurel = cache.get(HookSite.LAUREL_OUT, l).toArray();
        float[] mid = cache.get(HookSite.RESID_MID, l).toArray();
        float[] mlp = cache.get(HookSite.MLP_OUT, l).toArray();
        float[] post = cache.get(HookSite.RESID_POST, l).toArray();
        for (int i = 0; i < pre.length; i++) {
          double first = (pre[i] + (double) attention[i] + laurel[i]) / Math.sqrt(2);
          assertEquals(first, mid[i], 1e-5 * (1 + Math.abs(first)));
          assertEquals(mid[i] + (double) mlp[i], post[i], 1e-5 * (1 + Math.abs(post[i])));
        }
      }
    }
  }

  /** Methods that need a single residual stream reject the model. */
  @Test
  void rejectsSeveralStreams() throws IOException {
    int[] tokens = TinyModels.expected("gemma3n").ints("tokens");
    try (Model model = open()) {
      Lens lens = Lens.of(model);
      List<Executable> methods =
          List.of(
              () -> DirectLogitAttribution.of(lens, tokens, 3, 5, -1, By.LAYER),
              () -> ResidualDecomposition.of(lens, tokens, 3, By.LAYER),
              () -> LogitLens.of(lens, tokens, Capture.of("*.hook_resid_post"), 1),
              () -> new TunedLensTrainer(lens, "*.hook_resid_pre", 0.01, 1),
              () -> VocabularyProjection.written(lens, new float[32], 3),
              () -> VocabularyProjection.embedding(lens, 1, 5),
              () -> NeuronDetection.of(lens, List.of(tokens), 0, 2),
              () -> ContextMixing.of(lens, tokens, Measure.ALTI),
              () -> ComponentGraph.of(lens));
      for (Executable method : methods) {
        String message = assertThrows(InvalidInputException.class, method).getMessage();
        assertTrue(message.contains("several residual streams"), message);
      }
    }
  }

  /** Recomputed activations of all streams have equal bits. */
  @Test
  void differentiatesRecomputedActivations() throws IOException {
    int[] tokens = TinyModels.expected("gemma3n").ints("tokens");
    GradientOptions options = GradientOptions.of("hook_embed, *.hook_resid_pre", tokens.length);
    DifferentiableMetric metric = Metric.logitDifference(5, 9);
    try (Model model = open();
        GradientSession kept = GradientSession.open(Lens.of(model), options);
        GradientSession again = GradientSession.open(Lens.of(model), options.recomputing())) {
      assertEquals(kept.run(tokens, metric), again.run(tokens, metric));
      for (HookPoint point : kept.points()) {
        assertArrayEquals(
            kept.gradient(point).toArray(), again.gradient(point).toArray(), point.name());
      }
    }
  }
}
