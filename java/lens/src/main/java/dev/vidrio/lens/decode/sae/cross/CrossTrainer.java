package dev.vidrio.lens.decode.sae.cross;

import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.decode.sae.TrainingProgress;
import dev.vidrio.lens.decode.sae.train.ActivationMeans;
import dev.vidrio.lens.decode.sae.train.ActivationRows;
import dev.vidrio.lens.decode.sae.train.ActiveFeatures;
import dev.vidrio.lens.decode.sae.train.BatchThreshold;
import dev.vidrio.lens.decode.sae.train.BatchTrainer;
import dev.vidrio.lens.decode.sae.train.FeatureGradients;
import dev.vidrio.lens.decode.sae.train.FeatureWeights;
import dev.vidrio.lens.decode.sae.train.Schedule;
import dev.vidrio.lens.decode.sae.train.TokenRows;
import dev.vidrio.lens.decode.sae.train.TrainingState;
import dev.vidrio.lens.numeric.Adam;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.RandomDirections;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Trains a crosscoder or cross-layer transcoder by steps of Adam on {@code Σ_m ‖y_m − ŷ_m‖²} over
 * all outputs m. Sparsity is BatchTopK or a penalty, both of a feature's value times the sum of the
 * norms of its decoders (Lindsey et al. 2024; Minder et al. 2025, arXiv 2504.02922).
 *
 * <p>Each activation is scaled to a mean norm of √d, so that all count alike and learning rates
 * transfer between models; results have the scales folded in. Not thread-safe.
 */
final class CrossTrainer implements BatchTrainer<TrainingProgress> {
  /** Weight of the auxiliary loss of dead features. */
  private static final double AUXILIARY = 1.0 / 32;

  private final CrossLayout layout;
  private final CrossOptions options;
  private final Schedule schedule;
  private final TrainingState state = new TrainingState();

  /** The features of each group of the layout. */
  final List<FeatureWeights> groups = new ArrayList<>();

  /** [1][outputs · width]. */
  final float[][] outputBias;

  private final Adam outputBiasAdam;

  /** Factors of inputs, and then of outputs unless these are the inputs. */
  final float[] scales;

  CrossTrainer(Executor executor, CrossLayout layout, CrossOptions options) {
    long all = (long) options.features() * layout.groups().size();
    Preconditions.require(
        options.k() <= all, "k", options.k(), "must be at most the number of features, " + all);
    this.layout = layout;
    this.options = options;
    this.schedule = options.schedule();
    this.outputBias = new float[1][layout.outputs() * layout.width()];
    this.outputBiasAdam = new Adam(outputBias);
    this.scales = new float[layout.columns() / layout.width()];
    state.add("scales", new float[][] {scales});
    state.add("output_bias", outputBias, outputBiasAdam);
    var random = new SplitMix64(options.seed());
    try {
      for (CrossLayout.Group group : layout.groups()) {
        FeatureWeights features = weights(executor, group, random);
        features.addTo(state, "." + groups.size());
        groups.add(features);
      }
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  private FeatureWeights weights(Executor executor, CrossLayout.Group group, SplitMix64 random) {
    float[][] decoder =
        RandomDirections.of(
            random, options.features(), layout.writeTo(group) - layout.writeFrom(group));
    float[][] encoder =
        layout.reconstructs()
            ? Vectors.copy(decoder)
            : RandomDirections.of(
                random, options.features(), layout.readTo(group) - layout.readFrom(group));
    return new FeatureWeights(executor, encoder, decoder, layout.width(), options.batch());
  }

  CrossLayout layout() {
    return layout;
  }

  CrossOptions options() {
    return options;
  }

  @Override
  public int columns() {
    return layout.columns();
  }

  @Override
  public TrainingState state() {
    return state;
  }

  @Override
  public void prepare(ActivationRows rows) {
    var widths = new int[scales.length];
    Arrays.fill(widths, layout.width());
    var means = new ActivationMeans(rows, widths);
    for (int s = 0; s < scales.length; s++) {
      scales[s] = means.scale(s);
    }
    int first = layout.columns() - outputBias[0].length;
    for (int j = 0; j < outputBias[0].length; j++) {
      outputBias[0][j] = means.mean(first + j, outputScale(j / layout.width()));
    }
  }

  private float outputScale(int output) {
    return scales[scales.length - layout.outputs() + output];
  }

  @Override
  public TrainingProgress step(float[][] rows) {
    for (float[] row : rows) {
      for (int j = 0; j < row.length; j++) {
        row[j] *= scales[j / layout.width()];
      }
    }
    float[][] y = columns(rows, layout.columns() - outputBias[0].length, layout.columns());
    List<float[][]> inputs =
        layout.groups().stream()
            .map(group -> columns(rows, layout.readFrom(group), layout.readTo(group)))
            .toList();
    int step = state.beginStep();
    List<float[][]> pre = new ArrayList<>();
    for (int g = 0; g < groups.size(); g++) {
      pre.add(groups.get(g).preActivations(inputs.get(g)));
    }
    double least = options.k() == 0 ? 0 : batchThreshold(pre);
    state.addThreshold(least);
    List<ActiveFeatures> active = new ArrayList<>();
    for (int g = 0; g < groups.size(); g++) {
      active.add(groups.get(g).active(pre.get(g), least));
    }
    float[][] errors = errors(active, y);
    double rate = schedule.rate(step);
    for (int g = 0; g < groups.size(); g++) {
      FeatureWeights features = groups.get(g);
      CrossLayout.Group group = layout.groups().get(g);
      float[][] own = columns(errors, layout.writeFrom(group), layout.writeTo(group));
      FeatureGradients gradients =
          gradients(features, active.get(g), pre.get(g), inputs.get(g), own);
      features.descend(step, rate, gradients, 1);
    }
    var biasGradient = new float[outputBias[0].length];
    for (float[] error : errors) {
      Vectors.add(biasGradient, 2f / errors.length, error);
    }
    outputBiasAdam.step(step, rate, 0, outputBias[0], biasGradient);
    long count = active.stream().mapToLong(ActiveFeatures::size).sum();
    double l0 = count / (double) rows.length;
    return new TrainingProgress(step, Vectors.relativeSquares(errors, y), l0, dead());
  }

  private FeatureGradients gradients(
      FeatureWeights features,
      ActiveFeatures active,
      float[][] pre,
      float[][] inputs,
      float[][] errors) {
    int batch = inputs.length;
    float penalty = (float) (options.penalty() / batch);
    List<FeatureGradients.Part> parts = new ArrayList<>();
    parts.add(
        FeatureGradients.Part.ofPenalty(
            features, active, TokenRows.common(errors), 2f / batch, penalty));
    int[] dead = features.deadFeatures(options.deadAfter());
    if (dead.length > 0) {
      parts.add(features.auxiliary(dead, pre, pre, errors, AUXILIARY));
    }
    return new FeatureGradients(features, inputs, parts);
  }

  private static float[][] columns(float[][] rows, int from, int to) {
    return Arrays.stream(rows)
        .map(row -> Arrays.copyOfRange(row, from, to))
        .toArray(float[][]::new);
  }

  /** Returns the smallest of the k · batch largest values times norms of a batch, at least 0. */
  private double batchThreshold(List<float[][]> pre) {
    float[][] strengths =
        IntStream.range(0, groups.size())
            .boxed()
            .flatMap(g -> Arrays.stream(groups.get(g).strengths(pre.get(g))))
            .toArray(float[][]::new);
    return BatchThreshold.of(strengths, (long) options.k() * pre.getFirst().length);
  }

  /** Returns ŷ − y. */
  private float[][] errors(List<ActiveFeatures> active, float[][] y) {
    var errors = new float[y.length][];
    IntStream.range(0, y.length)
        .parallel()
        .forEach(
            b -> {
              errors[b] = Vectors.minus(outputBias[0], y[b]);
              for (int g = 0; g < groups.size(); g++) {
                int from = layout.writeFrom(layout.groups().get(g));
                active.get(g).addTo(b, groups.get(g).decoder(), errors[b], from);
              }
            });
    return errors;
  }

  /** Returns the number of features that are dead according to the options. */
  int dead() {
    return groups.stream().mapToInt(features -> features.dead(options.deadAfter())).sum();
  }

  /**
   * The weights of a group for activations that are not scaled. BatchTopK becomes JumpReLU with a
   * threshold for each feature.
   */
  static final class Folded {
    /** [F][inputs · width]. */
    final float[][] encoder;

    /** [F]. */
    final float[] bias;

    /** [F][outputs · width]. */
    final float[][] decoder;

    /** [F], or null for ReLU. */
    final float @Nullable [] thresholds;

    Folded(float[][] encoder, float[] bias, float[][] decoder, float @Nullable [] thresholds) {
      this.encoder = encoder;
      this.bias = bias;
      this.decoder = decoder;
      this.thresholds = thresholds;
    }
  }

  /**
   * Returns the weights of a group for activations that are not scaled.
   *
   * @param unit whether values of features are those times the norms of their decoders in training,
   *     so that all have one threshold
   */
  Folded folded(int group, boolean unit) {
    FeatureWeights weights = groups.get(group);
    CrossLayout.Group range = layout.groups().get(group);
    float[] norms = weights.norms();
    float[][] encoder = Vectors.copy(weights.encoder());
    float[][] decoder = Vectors.copy(weights.decoder());
    float[] bias = weights.bias()[0].clone();
    var thresholds = new float[bias.length];
    for (int f = 0; f < bias.length; f++) {
      float factor = unit && norms[f] > 0 ? norms[f] : 1;
      for (int j = 0; j < encoder[f].length; j++) {
        encoder[f][j] *= factor * scales[range.readFrom() + j / layout.width()];
      }
      for (int j = 0; j < decoder[f].length; j++) {
        decoder[f][j] /= factor * outputScale(range.writeFrom() + j / layout.width());
      }
      bias[f] *= factor;
      double threshold = state.threshold();
      thresholds[f] = (float) (unit || norms[f] == 0 ? threshold : threshold / norms[f]);
    }
    return new Folded(encoder, bias, decoder, options.k() == 0 ? null : thresholds);
  }

  /** Returns the bias of outputs that are not scaled, [outputs · width]. */
  float[] foldedOutputBias() {
    float[] folded = outputBias[0].clone();
    for (int j = 0; j < folded.length; j++) {
      folded[j] /= outputScale(j / layout.width());
    }
    return folded;
  }

  @Override
  public void close() {
    groups.forEach(FeatureWeights::close);
  }
}
