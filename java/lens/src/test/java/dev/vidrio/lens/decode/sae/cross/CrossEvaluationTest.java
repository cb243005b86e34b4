package dev.vidrio.lens.decode.sae.cross;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.TextChunks;
import dev.vidrio.lens.decode.sae.CrossLayerTranscoder;
import dev.vidrio.lens.decode.sae.SaeEvaluation;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.lens.decode.sae.TranscoderFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Measures of dictionaries of several layers against those of equal dictionaries of one. */
class CrossEvaluationTest extends BardTest {
  @TempDir Path directory;

  private static List<int[]> texts() {
    String text = "The king is dead, long live the king! To be, or not to be: that is the question";
    return TextChunks.of(model, model.tokenizer().encode(text), 12);
  }

  private static ActivationSources sources() {
    return ActivationSources.ofCrossLayer(
        lens, lens.points("*.ln2.hook_normalized"), lens.points("*.hook_mlp_out"));
  }

  /** Trains some steps; only features of the last layer write to its output then. */
  private void train(ActivationSources sources) throws IOException {
    var options = new CrossOptions(16, 6, 0, 1e-2, 16, 30, 100, 16, 0);
    try (var training = new CrossTraining(model.executor(), sources, options, null, step -> {})) {
      while (!training.isDone()) {
        for (int[] chunk : texts()) {
          training.add(chunk);
        }
        training.endText();
      }
      if (sources.layout().reconstructs()) {
        training.saveCrosscoder(directory);
      } else {
        training.saveTranscoder(directory, "bard");
      }
    }
  }

  /**
   * The features of the first layer are a transcoder of circuit-tracer by themselves: its output is
   * that of no other feature.
   */
  @Test
  void firstLayerMatchesTranscoder() throws IOException {
    train(sources());
    Path single = Files.createDirectory(directory.resolve("single"));
    TranscoderCopy.writeFirstLayer(directory, single);
    List<SparseAutoencoder> opened = new ArrayList<>(TranscoderFiles.open(lens, single));
    try (CrossLayerTranscoder transcoder = CrossLayerTranscoder.open(lens, directory)) {
      CrossEvaluation found = CrossEvaluation.of(lens, transcoder, texts());
      SaeEvaluation expected = SaeEvaluation.of(lens, opened.getFirst(), texts());
      assertEquals(expected.tokens(), found.tokens());
      assertEquals(expected.loss(), found.loss(), 1e-9);
      assertEquals(4, found.outputs().size());
      CrossEvaluation.Output first = found.outputs().getFirst();
      assertEquals("blocks.0.hook_mlp_out", first.hook());
      assertEquals(expected.unexplained(), first.unexplained(), 1e-5);
      assertEquals(expected.splicedLoss(), first.splicedLoss(), 1e-4);
      assertEquals(expected.ablatedLoss(), first.ablatedLoss(), 1e-9);
      assertTrue(found.splicedLoss() < found.ablatedLoss());
    } finally {
      opened.forEach(SparseAutoencoder::close);
    }
  }

  @Test
  void evaluatesCrosscoder() throws IOException {
    List<HookPoint> points = lens.points("blocks.1-2.hook_resid_post");
    train(ActivationSources.ofLayers(lens, points));
    try (Crosscoder crosscoder = Crosscoder.open(model.executor(), directory)) {
      CrossEvaluation found = CrossEvaluation.of(lens, crosscoder, texts());
      assertEquals(2, found.outputs().size());
      assertTrue(Double.isNaN(found.splicedLoss()));
      for (CrossEvaluation.Output output : found.outputs()) {
        assertTrue(output.unexplained() < 1, output::toString);
        assertTrue(output.splicedLoss() < output.ablatedLoss(), output::toString);
      }
      assertThrows(
          InvalidInputException.class,
          () -> CrossEvaluation.of(lens, crosscoder, List.of(new int[] {1})));
    }
  }

  /** Both models are the same, so that both decoders are alike; the second lens is another one. */
  @Test
  void trainsCrosscoderOfModels() throws IOException {
    HookPoint point = lens.point("blocks.1.hook_resid_post");
    ActivationSources sources = ActivationSources.ofModels(lens, lens.edited(List.of()), point);
    assertTrue(sources.isOfModels());
    train(sources);
    try (Crosscoder crosscoder = Crosscoder.open(model.executor(), directory)) {
      assertTrue(crosscoder.isOfModels());
      for (int f = 0; f < crosscoder.features(); f++) {
        assertEquals(0.5, crosscoder.relativeNorm(f), 0.3);
      }
      assertEquals(
          2 * 256,
          crosscoder.sources(lens, "", lens.edited(List.of())).rows(texts().getFirst())[0].length);
      assertThrows(InvalidInputException.class, () -> crosscoder.sources(lens, "", null));
      assertThrows(
          InvalidInputException.class, () -> CrossEvaluation.of(lens, crosscoder, texts()));
    }
  }
}
