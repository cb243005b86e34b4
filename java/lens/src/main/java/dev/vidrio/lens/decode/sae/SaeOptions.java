package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.decode.sae.train.Schedule;
import dev.vidrio.lens.resolve.Preconditions;

/**
 * Options for training a sparse autoencoder.
 *
 * @param features d_sae
 * @param k number of active features per token: of each token with TopK, on average with BatchTopK;
 *     0 for ReLU with a penalty
 * @param batchTopK whether the k · batch largest activations of a batch are kept, in any of its
 *     tokens (Bussmann et al. 2024, arXiv 2412.06410)
 * @param penalty α of {@code ‖z − ẑ‖² + α ‖h‖₁}; only if k is 0
 * @param learningRate of Adam; it falls linearly to 0 in the last fifth of the steps
 * @param batch tokens per step
 * @param steps of training
 * @param deadAfter number of steps without activity after which a feature counts as dead
 * @param buffer MiB of activations of a text that are in memory and shuffled at once ({@link
 *     SaeTraining})
 * @param seed of the initial weights and of the order of tokens
 */
public record SaeOptions(
    int features,
    int k,
    boolean batchTopK,
    double penalty,
    double learningRate,
    int batch,
    int steps,
    int deadAfter,
    int buffer,
    long seed) {
  /** TopK with 1024 features, 16 of them active per token, and 512 MiB of activations. */
  public static final SaeOptions DEFAULT =
      new SaeOptions(1024, 16, false, 0, 1e-3, 256, 1000, 100, 512, 0);

  public SaeOptions {
    Preconditions.requireRange("features", features, 1, 1 << 20);
    Preconditions.requireRange("k", k, 0, features);
    Preconditions.require(!batchTopK || k != 0, "k", "0", "BatchTopK needs one of 1 or more");
    if (!(penalty >= 0) || Double.isInfinite(penalty) || (k > 0 && penalty != 0)) {
      throw new InvalidInputException(
          "penalty", Double.toString(penalty), "must be 0 or more, and 0 with a k");
    }
    // A schedule checks the others.
    new Schedule(learningRate, batch, steps, deadAfter, buffer, seed);
  }

  Schedule schedule() {
    return new Schedule(learningRate, batch, steps, deadAfter, buffer, seed);
  }
}
