package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextChunks;
import dev.vidrio.lens.decode.sae.train.StreamedTraining;
import dev.vidrio.lens.decode.sae.train.TrainedModel;
import dev.vidrio.lens.decode.sae.train.TrainingCheckpoint;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Trains a sparse autoencoder or transcoder on a text that streams through the model: which few
 * directions compose each activation?
 *
 * {@snippet file="decode/DecodeExamplesTest.java" region="sae-training"}
 *
 * <p>Steps of Adam decrease {@code ‖z − ẑ‖²} and the losses of a {@link SaeKind}. They are those of
 * SAELens's training, up to rounding.
 *
 * <p>Activations are first scaled to a mean norm of √d, so that learning rates transfer between
 * models; the scales of inputs and outputs are folded into the result. Gradients are sparse: after
 * the encoder's product, work is proportional to the number of active features.
 *
 * <p>Not thread-safe.
 *
 * @see SaeTrainer
 * @see "docs/lens/decoding.md"
 */
public final class SaeTraining implements TextTraining {
  private final Lens lens;
  private final List<HookPoint> points;
  private final SaeLearner learner;
  private final StreamedTraining<TrainingProgress> training;

  private SaeTraining(
      Lens lens,
      List<HookPoint> points,
      SaeShape shape,
      SaeOptions options,
      @Nullable CheckpointFile checkpoint,
      Consumer<TrainingProgress> progress) {
    this.lens = lens;
    this.points = points;
    this.learner = new SaeLearner(lens.model().executor(), shape, options);
    this.training =
        new StreamedTraining<>(
            learner,
            options.schedule(),
            chunk -> activations(lens, points, chunk, shape.columns()),
            checkpoint == null
                ? null
                : new TrainingCheckpoint(
                    checkpoint.path(),
                    checkpoint.steps(),
                    options.schedule(),
                    TrainedModel.of(List.of(lens)),
                    settings(points, shape, options)),
            progress);
  }

  /**
   * Prepares the training of an autoencoder.
   *
   * @param lens must stay open
   * @param point the activations
   * @param checkpoint the file for the state of the training; null for none
   * @param progress receives the measurements of each step
   * @throws InvalidInputException if the point has no row for each token, the buffer is smaller
   *     than a batch, or the checkpoint is of a training with another model or other options
   * @throws ModelFileException if the checkpoint is damaged
   */
  public static SaeTraining ofAutoencoder(
      Lens lens,
      HookPoint point,
      SaeOptions options,
      @Nullable CheckpointFile checkpoint,
      Consumer<TrainingProgress> progress) {
    SaeShape shape = SaeShape.autoencoder(width(lens, point));
    return new SaeTraining(lens, List.of(point), shape, options, checkpoint, progress);
  }

  /**
   * Prepares the training of a transcoder (Dunefsky et al. 2024, arXiv 2406.11944), which maps the
   * input of a feed-forward block to its output.
   *
   * @param lens must stay open
   * @param in the inputs
   * @param out the outputs
   * @param skips whether it has a skip connection, a linear map from input to output (Paulo et al.
   *     2025, arXiv 2501.18823)
   * @param options not TopK, AbsTopK or gated: SAELens has no format for them
   * @param checkpoint the file for the state of the training; null for none
   * @param progress receives the measurements of each step
   * @throws InvalidInputException if a point has no row for each token, the options are others, the
   *     buffer is smaller than a batch, or the checkpoint is of a training with another model or
   *     other options
   * @throws ModelFileException if the checkpoint is damaged
   */
  public static SaeTraining ofTranscoder(
      Lens lens,
      HookPoint in,
      HookPoint out,
      boolean skips,
      SaeOptions options,
      @Nullable CheckpointFile checkpoint,
      Consumer<TrainingProgress> progress) {
    SaeShape shape = SaeShape.transcoder(width(lens, in), width(lens, out), skips);
    return new SaeTraining(lens, List.of(in, out), shape, options, checkpoint, progress);
  }

  private static int width(Lens lens, HookPoint point) {
    Preconditions.requireRows(point);
    return HookMap.of(lens.model()).source(point).width();
  }

  private static Map<String, String> settings(
      List<HookPoint> points, SaeShape shape, SaeOptions options) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("kind", shape.kind());
    settings.put("hooks", points.stream().map(HookPoint::name).collect(Collectors.joining(",")));
    settings.put("features", Integer.toString(options.features()));
    settings.put("sparsity", options.kind().toString());
    settings.put("warm-up", Integer.toString(options.warmUp()));
    settings.put("resample", Integer.toString(options.resample()));
    settings.put("weight of dead features", Double.toString(options.auxiliary()));
    return settings;
  }

  /**
   * Runs tokens and returns the activations of all but the first, concatenated, [n − 1][columns].
   * Activations of the first token depend on the position rather than on the text.
   */
  private static float[][] activations(
      Lens lens, List<HookPoint> points, int[] tokens, int columns) {
    var rows = new float[tokens.length - 1][columns];
    int from = 0;
    for (float[][] activations : TextChunks.activations(lens, points, List.of(tokens))) {
      for (int i = 0; i < rows.length; i++) {
        System.arraycopy(activations[i], 0, rows[i], from, activations[i].length);
      }
      from += activations[0].length;
    }
    return rows;
  }

  @Override
  public boolean isDone() {
    return training.isDone();
  }

  @Override
  public int dead() {
    return learner.dead();
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
   * Returns the current autoencoder or transcoder; BatchTopK and Matryoshka become JumpReLU with a
   * common threshold.
   */
  public SparseAutoencoder result() {
    return new TrainedDictionary(learner)
        .open(lens.model().executor(), points.getFirst().name(), points.getLast().name());
  }

  @Override
  public void close() {
    training.close();
  }
}
