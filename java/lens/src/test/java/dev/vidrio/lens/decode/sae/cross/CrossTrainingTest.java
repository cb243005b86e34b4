package dev.vidrio.lens.decode.sae.cross;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.TextChunks;
import dev.vidrio.lens.decode.sae.CheckpointFile;
import dev.vidrio.lens.decode.sae.CrossLayerTranscoder;
import dev.vidrio.lens.decode.sae.Features;
import dev.vidrio.lens.decode.sae.TrainingProgress;
import dev.vidrio.lens.graph.AttributionGraph;
import dev.vidrio.lens.graph.GraphFeatures;
import dev.vidrio.lens.graph.GraphOptions;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.vector.Vectors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training on activations of bard: what it learns, its files, checkpoints and errors. */
class CrossTrainingTest extends BardTest {
  private static final int LENGTH = 32;

  private static List<int[]> chunks = List.of();

  @TempDir Path directory;

  @BeforeAll
  static void tokens() {
    String text = "The king is dead, long live the king! Who comes here? My lord, a friend. ";
    chunks = TextChunks.of(model, model.tokenizer().encode(text.repeat(30)), LENGTH);
  }

  private static ActivationSources crossLayer() {
    return ActivationSources.ofCrossLayer(
        lens, lens.points("*.ln2.hook_normalized"), lens.points("*.hook_mlp_out"));
  }

  private static CrossOptions options(int features, int k, int steps, int buffer) {
    return new CrossOptions(features, k, k == 0 ? 0.1 : 0, 2e-3, 64, steps, 50, buffer, 3);
  }

  private CheckpointFile checkpoint() {
    return new CheckpointFile(directory.resolve("state.safetensors"), 1);
  }

  /** Runs passes through a text; with a limit, as if it were interrupted after some chunks. */
  private static void run(CrossTraining training, int limit) throws IOException {
    int added = 0;
    while (!training.isDone()) {
      for (int[] chunk : chunks) {
        if (added++ == limit) {
          return;
        }
        training.add(chunk);
      }
      training.endText();
    }
  }

  private static CrossTraining training(
      ActivationSources sources,
      CrossOptions options,
      @Nullable CheckpointFile file,
      List<TrainingProgress> progress) {
    return new CrossTraining(model.executor(), sources, options, file, progress::add);
  }

  /** The files are those that graphs read; their error is that of the last steps. */
  @Test
  @Tag("long")
  void trainsCrossLayerTranscoder() throws IOException {
    List<TrainingProgress> progress = new ArrayList<>();
    try (CrossTraining training =
        training(crossLayer(), options(48, 24, 300, 64), null, progress)) {
      run(training, -1);
      training.saveTranscoder(directory, "bard");
      assertThrows(IllegalStateException.class, () -> training.saveCrosscoder(directory));
    }
    assertEquals(300, progress.size());
    double last =
        progress.subList(280, 300).stream()
            .mapToDouble(TrainingProgress::loss)
            .average()
            .orElseThrow();
    assertTrue(last < progress.getFirst().loss() / 3, progress.getFirst() + " to " + last);
    int[] tokens = chunks.getFirst();
    try (CrossLayerTranscoder transcoder = CrossLayerTranscoder.open(lens, directory);
        ActivationCache cache =
            lens.run(tokens, Capture.of("*.ln2.hook_normalized,*.hook_mlp_out"))) {
      double error = 0;
      double squares = 0;
      int count = 0;
      var sums = new float[4][][];
      for (int l = 0; l < 4; l++) {
        assertEquals(48, transcoder.features(l));
        float[][] outputs = cache.get(transcoder.output(l)).rows();
        List<Features> features = transcoder.encode(l, cache.get(transcoder.input(l)).rows());
        sums[l] = new float[tokens.length][];
        for (int i = 1; i < tokens.length; i++) {
          sums[l][i] = Vectors.minus(transcoder.bias(l), outputs[i]);
          count += features.get(i).count();
        }
        for (int from = 0; from <= l; from++) {
          List<Features> earlier =
              from == l
                  ? features
                  : transcoder.encode(from, cache.get(transcoder.input(from)).rows());
          for (int i = 1; i < tokens.length; i++) {
            for (int f = 0; f < earlier.get(i).count(); f++) {
              float[] direction = transcoder.directions(from, earlier.get(i).id(f))[l - from];
              Vectors.add(sums[l][i], earlier.get(i).value(f), direction);
            }
          }
        }
        double scale = Math.pow(meanNorm(outputs), -2);
        for (int i = 1; i < tokens.length; i++) {
          error += scale * Vectors.dot(sums[l][i], sums[l][i]);
          squares += scale * Vectors.dot(outputs[i], outputs[i]);
        }
      }
      assertEquals(last, error / squares, 0.05);
      assertEquals(24, count / (tokens.length - 1.0), 6);
      AttributionGraph graph =
          AttributionGraph.of(
              lens, tokens, GraphFeatures.crossLayer(transcoder), GraphOptions.DEFAULT);
      assertTrue(graph.prune(0.8, 0.98).nodes().size() > 10);
    }
  }

  private static double meanNorm(float[][] rows) {
    double sum = 0;
    for (int i = 1; i < rows.length; i++) {
      sum += Vectors.norm(rows[i]);
    }
    return sum / (rows.length - 1);
  }

  @Test
  @Tag("long")
  void trainsCrosscoderOfLayers() throws IOException {
    List<TrainingProgress> progress = new ArrayList<>();
    ActivationSources sources =
        ActivationSources.ofLayers(lens, lens.points("blocks.1-3.hook_resid_post"));
    try (CrossTraining training = training(sources, options(64, 8, 300, 64), null, progress)) {
      run(training, -1);
      training.saveCrosscoder(directory);
      assertThrows(IllegalStateException.class, () -> training.saveTranscoder(directory, "bard"));
    }
    try (Crosscoder crosscoder = Crosscoder.open(model.executor(), directory)) {
      assertEquals(3, crosscoder.activations());
      assertEquals(64, crosscoder.features());
      assertFalse(crosscoder.isOfModels());
      assertEquals("blocks.3.hook_resid_post", crosscoder.hooksIn().getLast());
      ActivationSources read = crosscoder.sources(lens, "", null);
      double error = 0;
      double squares = 0;
      for (float[] row : read.rows(chunks.getFirst())) {
        float[][] decoded = crosscoder.decode(crosscoder.encode(new float[][] {row}).getFirst());
        for (int j = 0; j < row.length; j++) {
          double left = row[j] - decoded[j / crosscoder.width()][j % crosscoder.width()];
          error += left * left;
          squares += (double) row[j] * row[j];
        }
      }
      double last = progress.getLast().loss();
      assertTrue(last < progress.getFirst().loss() / 2, progress.getFirst() + " to " + last);
      assertEquals(last, error / squares, 0.1);
    }
  }

  /** A round is shorter than the text, so that a pass has several rounds and a rest. */
  @Test
  void resumedTrainingHasEqualBits() throws IOException {
    ActivationSources sources = crossLayer();
    CrossOptions options = options(16, 8, 60, 2);
    Path whole = Files.createDirectory(directory.resolve("whole"));
    Path resumed = Files.createDirectory(directory.resolve("resumed"));
    try (CrossTraining training = training(sources, options, null, new ArrayList<>())) {
      run(training, -1);
      training.saveTranscoder(whole, "bard");
    }
    for (int limit = 13; limit <= 33; limit += 20) {
      try (CrossTraining training = training(sources, options, checkpoint(), new ArrayList<>())) {
        run(training, limit);
        assertFalse(training.isDone());
      }
      assertTrue(Files.exists(checkpoint().path()));
    }
    List<TrainingProgress> rest = new ArrayList<>();
    try (CrossTraining training = training(sources, options, checkpoint(), rest)) {
      run(training, -1);
      training.saveTranscoder(resumed, "bard");
    }
    assertTrue(rest.getFirst().step() > 1, rest::toString);
    assertEqualFiles(whole, resumed);
    // It is complete: nothing is left to do.
    try (CrossTraining training = training(sources, options, checkpoint(), new ArrayList<>())) {
      assertTrue(training.isDone());
      training.saveTranscoder(resumed, "bard");
    }
    assertEqualFiles(whole, resumed);
  }

  /** A text that fits into one round runs through the model once, and once more after a resume. */
  @Test
  void resumesTrainingOfShortText() throws IOException {
    ActivationSources sources =
        ActivationSources.ofLayers(lens, lens.points("blocks.1-2.hook_resid_post"));
    CrossOptions options = options(16, 0, 40, 64);
    Path whole = Files.createDirectory(directory.resolve("whole"));
    Path resumed = Files.createDirectory(directory.resolve("resumed"));
    try (CrossTraining training = training(sources, options, null, new ArrayList<>())) {
      run(training, -1);
      training.saveCrosscoder(whole);
    }
    var stop =
        new CrossTraining(
            model.executor(),
            sources,
            options,
            checkpoint(),
            progress -> {
              if (progress.step() == 30) {
                throw new IllegalStateException("stop");
              }
            });
    try (stop) {
      assertThrows(IllegalStateException.class, () -> run(stop, -1));
    }
    List<TrainingProgress> rest = new ArrayList<>();
    try (CrossTraining training = training(sources, options, checkpoint(), rest)) {
      run(training, -1);
      training.saveCrosscoder(resumed);
    }
    assertTrue(rest.size() < 40, () -> rest.size() + " steps");
    assertEqualFiles(whole, resumed);
  }

  private static void assertEqualFiles(Path one, Path other) throws IOException {
    List<Path> files;
    try (var found = Files.list(one)) {
      files = found.toList();
    }
    for (Path file : files) {
      Path name = file.getFileName();
      assertArrayEquals(Files.readAllBytes(file), Files.readAllBytes(other.resolve(name)));
    }
  }

  @Test
  void rejectsOtherOptionsAndTexts() throws IOException {
    ActivationSources sources = crossLayer();
    CrossOptions options = options(16, 8, 60, 2);
    try (CrossTraining training = training(sources, options, checkpoint(), new ArrayList<>())) {
      run(training, 20);
    }
    assertFault("is 16 in the checkpoint", sources, options(8, 8, 60, 2));
    assertFault("is 60 in the checkpoint", sources, options(16, 8, 61, 2));
    ActivationSources others =
        ActivationSources.ofCrossLayer(
            lens, lens.points("*.hook_resid_mid"), lens.points("*.hook_mlp_out"));
    assertFault("in the checkpoint", others, options);
    try (CrossTraining training = training(sources, options, checkpoint(), new ArrayList<>())) {
      List<int[]> other = chunks.reversed();
      var e =
          assertThrows(
              InvalidInputException.class,
              () -> {
                for (int[] chunk : other) {
                  training.add(chunk);
                }
              });
      assertTrue(String.valueOf(e.getMessage()).contains("is not that of the checkpoint"));
    }
    Files.write(checkpoint().path(), new byte[100]);
    assertThrows(
        ModelFileException.class,
        () -> training(sources, options, checkpoint(), new ArrayList<>()).close());
  }

  private void assertFault(String expected, ActivationSources sources, CrossOptions options) {
    var e =
        assertThrows(
            InvalidInputException.class,
            () -> training(sources, options, checkpoint(), new ArrayList<>()).close());
    assertTrue(String.valueOf(e.getMessage()).contains(expected), e.getMessage());
  }

  @Test
  void reportsInvalidActivations() throws IOException {
    assertInvalid(
        "must be one of each of the 4 layers",
        () ->
            ActivationSources.ofCrossLayer(
                lens, lens.points("blocks.0-2.hook_resid_mid"), lens.points("*.hook_mlp_out")));
    assertInvalid(
        "must be hook_mlp_out",
        () ->
            ActivationSources.ofCrossLayer(
                lens, lens.points("*.hook_resid_mid"), lens.points("*.hook_attn_out")));
    assertInvalid(
        "must be of 256",
        () -> ActivationSources.ofLayers(lens, lens.points("hook_embed,*.hook_post")));
    assertInvalid(
        "holds",
        () ->
            training(
                    crossLayer(),
                    new CrossOptions(8, 2, 0, 1e-3, 1 << 16, 9, 9, 1, 0),
                    null,
                    new ArrayList<>())
                .close());
    try (CrossTraining training =
        training(crossLayer(), options(8, 2, 9, 1), null, new ArrayList<>())) {
      training.add(chunks.getFirst());
      var e = assertThrows(InvalidInputException.class, training::endText);
      assertTrue(String.valueOf(e.getMessage()).contains("a batch, 64"), e.getMessage());
    }
  }

  private static void assertInvalid(String expected, Runnable work) {
    var e = assertThrows(InvalidInputException.class, work::run);
    assertTrue(String.valueOf(e.getMessage()).contains(expected), e.getMessage());
  }
}
