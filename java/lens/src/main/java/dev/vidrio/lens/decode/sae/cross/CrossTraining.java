package dev.vidrio.lens.decode.sae.cross;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.decode.sae.CheckpointFile;
import dev.vidrio.lens.decode.sae.TextTraining;
import dev.vidrio.lens.decode.sae.TrainingProgress;
import dev.vidrio.lens.decode.sae.train.StreamedTraining;
import dev.vidrio.lens.decode.sae.train.TrainedModel;
import dev.vidrio.lens.decode.sae.train.TrainingCheckpoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Trains a crosscoder (Lindsey et al. 2024, transformer-circuits.pub/2024/crosscoders) or a
 * cross-layer transcoder (Ameisen et al. 2025) on a text that streams through the model: which
 * features do several layers, or two models, share?
 *
 * {@snippet file="decode/DecodeExamplesTest.java" region="crosscoder"}
 *
 * <p>Not thread-safe.
 *
 * @see "docs/lens/dictionaries.md"
 */
public final class CrossTraining implements TextTraining {
  private final ActivationSources sources;
  private final CrossTrainer trainer;
  private final StreamedTraining<TrainingProgress> training;

  /**
   * Prepares a training.
   *
   * @param sources the activations; their lenses must stay open
   * @param checkpoint the file for the state of the training; null for none
   * @param progress receives the measurements of each step
   * @throws InvalidInputException if the buffer is smaller than a batch, or the checkpoint is of a
   *     training with other options
   * @throws ModelFileException if the checkpoint is damaged
   */
  public CrossTraining(
      Executor executor,
      ActivationSources sources,
      CrossOptions options,
      @Nullable CheckpointFile checkpoint,
      Consumer<TrainingProgress> progress) {
    this.sources = sources;
    this.trainer = new CrossTrainer(executor, sources.layout(), options);
    this.training =
        new StreamedTraining<>(
            trainer,
            options.schedule(),
            sources::rows,
            checkpoint == null
                ? null
                : new TrainingCheckpoint(
                    checkpoint.path(),
                    checkpoint.steps(),
                    options.schedule(),
                    TrainedModel.of(sources.lenses()),
                    settings(sources, options)),
            progress);
  }

  private static Map<String, String> settings(ActivationSources sources, CrossOptions options) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("kind", sources.layout().reconstructs() ? "crosscoder" : "cross-layer transcoder");
    settings.put("hooks", String.join(",", sources.names()));
    settings.put("models", Integer.toString(sources.lenses().size()));
    settings.put("features", Integer.toString(options.features()));
    settings.put("k", Integer.toString(options.k()));
    settings.put("penalty", Double.toString(options.penalty()));
    return settings;
  }

  @Override
  public boolean isDone() {
    return training.isDone();
  }

  @Override
  public int dead() {
    return trainer.dead();
  }

  @Override
  public void add(int[] chunk) throws IOException {
    training.add(chunk);
  }

  @Override
  public void endText() throws IOException {
    training.endText();
  }

  /**
   * Writes the crosscoder into a directory, in the format of dictionary_learning. The file also has
   * the names of the hook points.
   *
   * @throws IOException if the files cannot be written; existing files are unchanged then
   * @throws IllegalStateException if it is a cross-layer transcoder
   */
  public void saveCrosscoder(Path directory) throws IOException {
    requireKind(true);
    CrosscoderFile.write(directory, trainer, sources);
  }

  /**
   * Writes the cross-layer transcoder into a directory, in the format of circuit-tracer.
   *
   * @param model the name of the model
   * @throws IOException if the files cannot be written; existing files are unchanged then
   * @throws IllegalStateException if it is a crosscoder
   */
  public void saveTranscoder(Path directory, String model) throws IOException {
    requireKind(false);
    CrossLayerFiles.write(directory, trainer, sources, model);
  }

  private void requireKind(boolean crosscoder) {
    if (sources.layout().reconstructs() != crosscoder) {
      throw new IllegalStateException(
          crosscoder ? "trains a cross-layer transcoder" : "trains a crosscoder");
    }
  }

  @Override
  public void close() {
    training.close();
  }
}
