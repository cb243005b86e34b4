package dev.vidrio.lens.decode.sae.cross;

import dev.vidrio.lens.decode.sae.train.Schedule;
import dev.vidrio.lens.resolve.Preconditions;

/**
 * Options for training a crosscoder or cross-layer transcoder.
 *
 * @param features number of features; of a cross-layer transcoder, of each layer
 * @param k number of active features per token on average, of all layers together (BatchTopK,
 *     Bussmann et al. 2024, arXiv 2412.06410); 0 for ReLU with a penalty
 * @param penalty α of {@code Σ ‖y − ŷ‖² + α Σ h w}, where w is the sum of the norms of a feature's
 *     decoders (Lindsey et al. 2024); only if k is 0
 * @param learningRate of Adam; it falls linearly to 0 in the last fifth of the steps
 * @param batch tokens per step
 * @param steps of training
 * @param deadAfter number of steps without activity after which a feature counts as dead
 * @param buffer MiB of activations that are in memory and shuffled at once
 * @param seed of the initial weights and of the order of tokens
 */
public record CrossOptions(
    int features,
    int k,
    double penalty,
    double learningRate,
    int batch,
    int steps,
    int deadAfter,
    int buffer,
    long seed) {
  /** BatchTopK with 1024 features, 16 of them active per token, and 512 MiB of activations. */
  public static final CrossOptions DEFAULT =
      new CrossOptions(1024, 16, 0, 1e-3, 256, 1000, 100, 512, 0);

  public CrossOptions {
    Preconditions.requireRange("features", features, 1, 1 << 20);
    Preconditions.requireRange("k", k, 0, 1 << 20);
    boolean penalizes = penalty >= 0 && !Double.isInfinite(penalty) && (k == 0 || penalty == 0);
    Preconditions.require(penalizes, "penalty", penalty, "must be 0 or more, and 0 with a k");
    // A schedule checks the others.
    new Schedule(learningRate, batch, steps, deadAfter, buffer, seed);
  }

  Schedule schedule() {
    return new Schedule(learningRate, batch, steps, deadAfter, buffer, seed);
  }
}
