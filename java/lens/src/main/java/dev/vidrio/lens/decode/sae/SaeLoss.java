package dev.vidrio.lens.decode.sae;

import dev.vidrio.lens.decode.sae.train.FeatureWeights;
import dev.vidrio.lens.decode.sae.train.TrainedVector;
import dev.vidrio.lens.decode.sae.train.TrainingState;
import java.util.List;

/**
 * The losses of a kind of dictionary, and its choice of active features. Losses are means over the
 * tokens of a batch, as in the training classes of SAELens.
 */
interface SaeLoss {
  /**
   * Computes the gradients of a step.
   *
   * @param inputs of the encoder, [batch][d_in]
   * @param outputs that features reconstruct, z [batch][d_out]
   * @param outputBias b_dec, [d_out]
   * @param strength factor of penalties, from 0 to 1
   */
  SaeStep step(float[][] inputs, float[][] outputs, float[] outputBias, double strength);

  /** Returns the parameters of features other than encoder, decoder and the encoder's bias. */
  default List<TrainedVector> vectors() {
    return List.of();
  }

  /**
   * Returns the losses of the options' kind.
   *
   * @param state receives the thresholds of BatchTopK
   */
  static SaeLoss of(SaeOptions options, FeatureWeights features, TrainingState state) {
    int deadAfter = options.deadAfter();
    var auxiliary = new AuxiliaryLoss(features, deadAfter, options.auxiliary());
    return switch (options.kind()) {
      case SaeKind.Standard(double penalty) -> new ReluLoss(features, penalty, auxiliary);
      case SaeKind.TopK(int k) -> TopKLoss.ofTokens(features, k, false, auxiliary);
      case SaeKind.AbsTopK(int k) -> TopKLoss.ofTokens(features, k, true, auxiliary);
      case SaeKind.MatchingPursuit(int k, double residual) ->
          new MatchingPursuitLoss(features, new MatchingPursuit(residual, k, true));
      case SaeKind.BatchTopK(int k) -> TopKLoss.ofBatch(features, k, List.of(), auxiliary, state);
      case SaeKind.Matryoshka(int k, List<Integer> widths) ->
          TopKLoss.ofBatch(features, k, widths, auxiliary, state);
      case SaeKind.Gated(double penalty) -> new GatedLoss(features, penalty, auxiliary);
      case SaeKind.JumpRelu jump -> new JumpReluLoss(features, jump, deadAfter);
    };
  }
}
