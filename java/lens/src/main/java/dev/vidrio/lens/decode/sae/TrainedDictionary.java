package dev.vidrio.lens.decode.sae;

import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.decode.sae.SaeConfig.Activation;
import dev.vidrio.lens.decode.sae.train.FeatureWeights;
import dev.vidrio.lens.decode.sae.train.TrainedVector;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The dictionary of a training, for activations that are not scaled. Features have the scale of
 * inputs, and decoders the norm 1 unless they are encoders too.
 */
final class TrainedDictionary {
  private final SaeLearner learner;

  /** Factors of features: the norms of their decoders, or 1 if these are encoders too. */
  private final float[] norms;

  TrainedDictionary(SaeLearner learner) {
    this.learner = learner;
    this.norms = learner.features().norms();
    for (int f = 0; f < norms.length; f++) {
      norms[f] = norms[f] == 0 || isTied() ? 1 : norms[f];
    }
  }

  /**
   * Returns the dictionary.
   *
   * @param hookIn the hook point of the inputs
   * @param hookOut the hook point of the outputs
   */
  SparseAutoencoder open(Executor executor, String hookIn, String hookOut) {
    FeatureWeights features = learner.features();
    // Features have the scale of the inputs.
    float toOutputs = learner.inputScale() / learner.outputScale();
    float[][] decoder = Vectors.copy(features.decoder());
    float[][] encoder = isTied() ? decoder : Vectors.copy(features.encoder());
    for (int f = 0; f < norms.length; f++) {
      Vectors.scale(encoder[f], norms[f]);
      Vectors.scale(decoder[f], toOutputs / norms[f]);
    }
    SkipTraining skip = learner.skip();
    var weights =
        new SaeWeights(encoder, decoder, vectors(), skip == null ? null : skip.weights(toOutputs));
    SaeKind kind = learner.options().kind();
    Activation activation = activation(kind);
    int k =
        switch (kind) {
          case SaeKind.TopK(int perToken) -> perToken;
          case SaeKind.AbsTopK(int perToken) -> perToken;
          default -> 0;
        };
    SaeShape shape = learner.shape();
    SaeConfig config =
        shape.transcoder()
            ? SaeConfig.transcoder(activation, weights, k, hookIn, hookOut)
            : SaeConfig.autoencoder(
                activation, shape.outputs(), norms.length, k, pursuit(kind), hookIn);
    return new SparseAutoencoder(executor, config, weights);
  }

  private boolean isTied() {
    return learner.options().kind().isTied();
  }

  /** Returns the steps for activations that are not scaled, or null. */
  private @Nullable MatchingPursuit pursuit(SaeKind kind) {
    return kind instanceof SaeKind.MatchingPursuit(int k, double residual)
        ? new MatchingPursuit(residual / learner.inputScale(), k, true)
        : null;
  }

  private static Activation activation(SaeKind kind) {
    return switch (kind) {
      case SaeKind.Standard _ -> Activation.RELU;
      case SaeKind.TopK _ -> Activation.TOPK;
      case SaeKind.AbsTopK _ -> Activation.ABSTOPK;
      case SaeKind.MatchingPursuit _ -> Activation.MATCHING_PURSUIT;
      case SaeKind.BatchTopK _, SaeKind.Matryoshka _, SaeKind.JumpRelu _ -> Activation.JUMPRELU;
      case SaeKind.Gated _ -> Activation.GATED;
    };
  }

  private Map<String, float[]> vectors() {
    Map<String, float[]> vectors = new LinkedHashMap<>();
    if (!isTied()) {
      float[] bias = perFeature(learner.features().bias()[0]);
      vectors.put(learner.options().kind() instanceof SaeKind.Gated ? "b_gate" : "b_enc", bias);
    }
    float[] outputBias = learner.outputBias().values().clone();
    for (int j = 0; j < outputBias.length; j++) {
      outputBias[j] /= learner.outputScale();
    }
    vectors.put("b_dec", outputBias);
    for (TrainedVector vector : learner.loss().vectors()) {
      boolean isFactor = vector.name().equals("r_mag");
      vectors.put(vector.name(), isFactor ? vector.values().clone() : perFeature(vector.values()));
    }
    SaeKind kind = learner.options().kind();
    if (kind instanceof SaeKind.BatchTopK || kind instanceof SaeKind.Matryoshka) {
      // It is one of values times norms already.
      var thresholds = new float[norms.length];
      Arrays.fill(thresholds, (float) (learner.state().threshold() / learner.inputScale()));
      vectors.put("threshold", thresholds);
    }
    return vectors;
  }

  /** Returns values of features for inputs that are not scaled and decoders of norm 1. */
  private float[] perFeature(float[] values) {
    var scaled = new float[values.length];
    for (int f = 0; f < scaled.length; f++) {
      scaled[f] = values[f] * norms[f] / learner.inputScale();
    }
    return scaled;
  }
}
