package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.decode.sae.train.ActivationRows;
import dev.vidrio.lens.decode.sae.train.ShuffledBatches;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.function.DoubleConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Trains a sparse autoencoder or transcoder on given activations; {@link SaeTraining} trains one on
 * those of a text, in steps that are equal. All activations are used once, in random order, and
 * then again. They are copied outside the heap.
 *
 * <p>Not thread-safe.
 *
 * @see "docs/lens/decoding.md"
 */
public final class SaeTrainer implements AutoCloseable {
  private final SaeOptions options;
  private final SaeLearner learner;
  private final ActivationRows rows;
  private @Nullable ShuffledBatches batches;

  /** Number of times that the activations were used, including this one. */
  private int round;

  /**
   * Prepares the training of an autoencoder.
   *
   * @param rows activations [n][d]
   * @throws InvalidInputException if there are fewer rows than in a batch, or they are all zeros
   */
  public SaeTrainer(Executor executor, float[][] rows, SaeOptions options) {
    this(executor, rows, rows, false, false, options);
  }

  private SaeTrainer(
      Executor executor,
      float[][] inputs,
      float[][] outputs,
      boolean transcoder,
      boolean skips,
      SaeOptions options) {
    String least = "must be " + options.batch() + " or more";
    Preconditions.require(inputs.length >= options.batch(), "activations", inputs.length, least);
    SaeShape shape =
        transcoder
            ? SaeShape.transcoder(inputs[0].length, outputs[0].length, skips)
            : SaeShape.autoencoder(inputs[0].length);
    this.options = options;
    this.learner = new SaeLearner(executor, shape, options);
    this.rows = new ActivationRows(shape.columns(), inputs.length);
    try {
      for (int i = 0; i < inputs.length; i++) {
        if (transcoder) {
          rows.add(inputs[i], outputs[i]);
        } else {
          rows.add(inputs[i]);
        }
      }
      learner.prepare(rows);
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  /**
   * Prepares the training of a transcoder (Dunefsky et al. 2024, arXiv 2406.11944), which maps the
   * input of a feed-forward block to its output.
   *
   * @param inputs [n][d_in]
   * @param outputs [n][d_out] of the same tokens
   * @param skips whether it has a skip connection, a linear map from input to output (Paulo et al.
   *     2025, arXiv 2501.18823)
   * @param options not TopK, AbsTopK or gated: SAELens has no format for them
   * @throws InvalidInputException if there are fewer rows than in a batch, or they are all zeros,
   *     or the options are others
   */
  public static SaeTrainer ofTranscoder(
      Executor executor, float[][] inputs, float[][] outputs, boolean skips, SaeOptions options) {
    Preconditions.require(
        inputs.length == outputs.length,
        "activations",
        inputs.length + " inputs and " + outputs.length + " outputs",
        "must be as many");
    return new SaeTrainer(executor, inputs, outputs, true, skips, options);
  }

  /**
   * Runs the steps of the options that are left.
   *
   * @param progress receives the loss of each step, the mean of {@code ‖z − ẑ‖²} over that of
   *     {@code ‖z‖²}
   */
  public void run(DoubleConsumer progress) {
    while (learner.state().steps() < options.steps()) {
      progress.accept(step());
    }
  }

  /** Runs one step and returns its loss. After the steps of the options, it changes nothing. */
  public double step() {
    ShuffledBatches current = batches;
    if (current == null || !current.hasNext()) {
      round++;
      current =
          new ShuffledBatches(rows, learner.columns(), options.batch(), options.seed() + round);
      batches = current;
    }
    return learner.step(current.next()).loss();
  }

  /**
   * Returns the current autoencoder; BatchTopK becomes JumpReLU with a common threshold.
   *
   * @param hook the hook point of the activations
   */
  public SparseAutoencoder result(Executor executor, String hook) {
    return result(executor, hook, hook);
  }

  /**
   * Returns the current autoencoder or transcoder; BatchTopK becomes JumpReLU with a common
   * threshold.
   *
   * @param hookIn the hook point of the inputs
   * @param hookOut the hook point of the outputs
   */
  public SparseAutoencoder result(Executor executor, String hookIn, String hookOut) {
    return new TrainedDictionary(learner).open(executor, hookIn, hookOut);
  }

  /** Returns the number of features that are dead according to the options. */
  public int dead() {
    return learner.dead();
  }

  @Override
  public void close() {
    rows.close();
    learner.close();
  }
}
