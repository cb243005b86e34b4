package dev.vidrio.lens.decode.sae;

import dev.vidrio.lens.decode.sae.train.FeatureWeights;
import dev.vidrio.lens.decode.sae.train.TrainedVector;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Lets dead features begin again, with the directions of tokens that are reconstructed badly
 * (neuron resampling, Bricken et al. 2023, Towards Monosemanticity).
 *
 * <p>Each gets a token of its own, drawn with a probability proportional to its squared error. The
 * decoder becomes its output, with the mean norm of the decoders of other features; the encoder its
 * input, with a fifth of the mean norm of their encoders. Bias, moments of Adam and the parameters
 * of the kind become those before the first step.
 */
final class Resampling {
  /** The norm of a new encoder over the mean norm of the others. */
  private static final double ENCODER = 0.2;

  private final FeatureWeights features;
  private final List<TrainedVector> vectors;
  private final SplitMix64 random;

  /**
   * Describes the features.
   *
   * @param vectors parameters of the kind, one of each for a feature
   */
  Resampling(FeatureWeights features, List<TrainedVector> vectors, SplitMix64 random) {
    this.features = features;
    this.vectors = vectors;
    this.random = random;
  }

  /**
   * Changes the weights of dead features, at most as many as there are tokens with an error.
   *
   * @param dead ascending
   * @param inputs of the encoder, [batch][d_in]
   * @param outputs that features and the bias of outputs reconstruct, [batch][d_out]
   * @param outputBias [d_out]
   * @param errors of the tokens, [batch][d_out]
   */
  void run(int[] dead, float[][] inputs, float[][] outputs, float[] outputBias, float[][] errors) {
    double encoderNorm = ENCODER * meanNorm(features.encoder(), dead);
    double decoderNorm = meanNorm(features.decoder(), dead);
    int[] tokens = draw(errors);
    for (int i = 0; i < Math.min(dead.length, tokens.length); i++) {
      int f = dead[i];
      float[] output = Vectors.minus(outputs[tokens[i]], outputBias);
      features.restart(f, withNorm(inputs[tokens[i]], encoderNorm), withNorm(output, decoderNorm));
      vectors.forEach(vector -> vector.restart(f));
    }
  }

  /** Returns the mean norm of the rows of features that are not dead, or of all if all are. */
  private static double meanNorm(float[][] rows, int[] dead) {
    return IntStream.range(0, rows.length)
        .filter(f -> dead.length == rows.length || Arrays.binarySearch(dead, f) < 0)
        .mapToDouble(f -> Vectors.norm(rows[f]))
        .average()
        .orElseThrow();
  }

  /**
   * Returns all tokens with an error in random order: the next is drawn from the rest in proportion
   * to squared errors (Efraimidis and Spirakis 2006).
   */
  private int[] draw(float[][] errors) {
    var times = new double[errors.length];
    for (int t = 0; t < times.length; t++) {
      times[t] = -StrictMath.log(1 - random.nextDouble()) / Vectors.dot(errors[t], errors[t]);
    }
    return IntStream.range(0, times.length)
        .filter(t -> Double.isFinite(times[t]))
        .boxed()
        .sorted(Comparator.comparingDouble(t -> times[t]))
        .mapToInt(t -> t)
        .toArray();
  }

  private static float[] withNorm(float[] x, double norm) {
    float[] scaled = x.clone();
    double own = Vectors.norm(x);
    Vectors.scale(scaled, own > 0 ? (float) (norm / own) : 0);
    return scaled;
  }
}
