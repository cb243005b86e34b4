package dev.vidrio.lens.decode.sae;

import dev.vidrio.lens.decode.sae.train.Schedule;
import dev.vidrio.lens.resolve.Preconditions;

/**
 * Options for training a sparse autoencoder or transcoder.
 *
 * @param features d_sae
 * @param kind how few features are active
 * @param warmUp number of steps in which a penalty rises from 0, linearly
 * @param auxiliary weight of the loss by which dead features learn what the others leave (AuxK, Gao
 *     et al. 2024, arXiv 2406.04093); 0 for none. {@link SaeKind.JumpRelu} and {@link
 *     SaeKind.MatchingPursuit} have none
 * @param learningRate of Adam; it falls linearly to 0 in the last fifth of the steps
 * @param batch tokens per step
 * @param steps of training
 * @param deadAfter number of steps without activity after which a feature counts as dead
 * @param resample number of steps between two resamplings of dead features, until the learning rate
 *     falls; 0 for none
 * @param buffer MiB of activations of a text that are in memory and shuffled at once ({@link
 *     SaeTraining})
 * @param seed of the initial weights and of the order of tokens
 */
public record SaeOptions(
    int features,
    SaeKind kind,
    int warmUp,
    double auxiliary,
    double learningRate,
    int batch,
    int steps,
    int deadAfter,
    int resample,
    int buffer,
    long seed) {
  /** TopK with 1024 features, 16 of them active per token, and 512 MiB of activations. */
  public static final SaeOptions DEFAULT =
      new SaeOptions(1024, new SaeKind.TopK(16), 0, 1, 1e-3, 256, 1000, 100, 0, 512, 0);

  public SaeOptions {
    Preconditions.requireRange("features", features, 1, 1 << 20);
    Preconditions.requireRange("warm-up", warmUp, 0, 1 << 24);
    Preconditions.requireRange("resample", resample, 0, 1 << 24);
    Preconditions.requireNotNegative("weight of dead features", auxiliary);
    switch (kind) {
      case SaeKind.TopK(int k) -> requireK(k, features);
      case SaeKind.AbsTopK(int k) -> requireK(k, features);
      case SaeKind.BatchTopK(int k) -> requireK(k, features);
      case SaeKind.Matryoshka matryoshka -> {
        requireK(matryoshka.k(), features);
        int last = matryoshka.widths().getLast();
        Preconditions.requireRange("largest of widths", last, 1, features);
      }
      case SaeKind.JumpRelu jump ->
          Preconditions.require(
              jump.form() != SaeKind.ActivityPenalty.QUADRATIC || jump.target() <= features,
              "target of active features",
              jump.target(),
              "must be at most the number of features, " + features);
      case SaeKind.Standard _, SaeKind.Gated _, SaeKind.MatchingPursuit _ -> {
        // They do not depend on the number of features.
      }
    }
    // A schedule checks the others.
    new Schedule(learningRate, batch, steps, deadAfter, buffer, seed);
  }

  private static void requireK(int k, int features) {
    Preconditions.requireRange("k", k, 1, features);
  }

  Schedule schedule() {
    return new Schedule(learningRate, batch, steps, deadAfter, buffer, seed);
  }

  /** Returns the factor of penalties in a step, from 1. */
  double strength(int step) {
    return warmUp == 0 ? 1 : Math.min(1, (step - 1) / (double) warmUp);
  }
}
