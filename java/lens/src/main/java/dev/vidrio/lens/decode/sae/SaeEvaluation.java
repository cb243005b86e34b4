package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.Autoencoder.Reconstruction;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.model.sampling.LogProbability;
import java.util.Arrays;
import java.util.List;

/**
 * How well does a sparse autoencoder explain activations, and how well does the model work with its
 * reconstructions (Bricken et al. 2023; Rajamanoharan et al. 2024, arXiv 2404.16014)?
 *
 * @param tokens number of tokens of the texts, except the first of each, which has atypical
 *     activations
 * @param l0 mean number of active features per token
 * @param unexplained fraction of variance unexplained: {@code Σ ‖z − ẑ‖² / Σ ‖z − mean z‖²}
 * @param loss mean −log p of the next token, in nats
 * @param splicedLoss the loss with the reconstruction in place of the activation
 * @param ablatedLoss the loss with zeros in place of the activation
 * @param density the fraction of tokens at which each feature is active, [d_sae]
 * @see "docs/lens/decoding.md"
 */
public record SaeEvaluation(
    int tokens,
    double l0,
    double unexplained,
    double loss,
    double splicedLoss,
    double ablatedLoss,
    List<Double> density) {
  private static final String LOGITS = HookSite.LOGITS.suffix();

  public SaeEvaluation {
    density = List.copyOf(density);
  }

  /**
   * Returns the fraction of the loss recovered: 1 if the reconstruction is as good as the
   * activation, 0 if it is no better than zeros.
   */
  public double lossRecovered() {
    return (ablatedLoss - splicedLoss) / (ablatedLoss - loss);
  }

  /** Returns the number of features that are never active. */
  public long dead() {
    return density.stream().filter(d -> d == 0).count();
  }

  /**
   * Evaluates an autoencoder on texts.
   *
   * @param texts token ids of each, at least two tokens
   */
  public static SaeEvaluation of(Lens lens, Autoencoder autoencoder, List<int[]> texts) {
    requireTexts(texts);
    HookPoint in = point(lens, autoencoder.hooksIn());
    HookPoint out = point(lens, autoencoder.hooksOut());
    var sums = new Sums(autoencoder.features());
    for (int[] tokens : texts) {
      Reconstruction found;
      try (ActivationCache cache = lens.run(tokens, Capture.of(in + "," + out + "," + LOGITS))) {
        sums.loss += loss(cache);
        found = autoencoder.reconstruct(cache.get(in).rows());
        sums.add(found, cache.get(out));
      }
      Intervention splice =
          Intervention.set(out, concatenated(found.outputs())).positions(0, tokens.length);
      Capture logits = Capture.of(LOGITS);
      try (ActivationCache spliced = lens.run(tokens, logits, List.of(splice));
          ActivationCache ablated = lens.run(tokens, logits, List.of(Intervention.zero(out)))) {
        sums.splicedLoss += loss(spliced);
        sums.ablatedLoss += loss(ablated);
      }
    }
    return sums.evaluation();
  }

  private static HookPoint point(Lens lens, List<String> names) {
    return Preconditions.requireOne(names.getFirst(), lens.points(names.getFirst()));
  }

  private static float[] concatenated(List<float[]> rows) {
    int width = rows.getFirst().length;
    var all = new float[rows.size() * width];
    for (int i = 0; i < rows.size(); i++) {
      System.arraycopy(rows.get(i), 0, all, i * width, width);
    }
    return all;
  }

  /** Checks that there are texts to evaluate, of two tokens or more. */
  public static void requireTexts(List<int[]> texts) {
    if (texts.isEmpty() || texts.stream().anyMatch(tokens -> tokens.length < 2)) {
      throw new InvalidInputException("texts", "", "must be at least 1, of at least 2 tokens each");
    }
  }

  /** Returns −Σ log p of all tokens but the first, by the logits of a run. */
  public static double loss(ActivationCache cache) {
    int[] tokens = cache.tokens();
    long rowBytes = cache.get(HookSite.LOGITS).data().byteSize() / tokens.length;
    double loss = 0;
    for (int i = 0; i + 1 < tokens.length; i++) {
      loss -=
          LogProbability.of(
              cache.get(HookSite.LOGITS).data().asSlice(i * rowBytes, rowBytes), tokens[i + 1]);
    }
    return loss;
  }

  private static final class Sums {
    final int[] active;
    double[] outputs = {};
    double squares;
    double errors;
    double loss;
    double splicedLoss;
    double ablatedLoss;
    long features;
    int tokens;

    Sums(int features) {
      this.active = new int[features];
    }

    /** Adds all tokens but the first. */
    void add(Reconstruction found, Activation truth) {
      int n = found.features().size();
      for (int i = 1; i < n; i++) {
        Features row = found.features().get(i);
        for (int f = 0; f < row.count(); f++) {
          active[row.id(f)]++;
        }
        features += row.count();
        add(truth.row(i), found.outputs().get(i));
      }
      tokens += n - 1;
    }

    private void add(float[] truth, float[] decoded) {
      if (outputs.length == 0) {
        outputs = new double[truth.length];
      }
      for (int j = 0; j < truth.length; j++) {
        outputs[j] += truth[j];
        squares += (double) truth[j] * truth[j];
        errors += ((double) truth[j] - decoded[j]) * ((double) truth[j] - decoded[j]);
      }
    }

    SaeEvaluation evaluation() {
      double variance = squares - DoubleVectors.dot(outputs, outputs) / tokens;
      return new SaeEvaluation(
          tokens,
          features / (double) tokens,
          errors / variance,
          loss / tokens,
          splicedLoss / tokens,
          ablatedLoss / tokens,
          Arrays.stream(active).mapToObj(count -> count / (double) tokens).toList());
    }
  }
}
