package dev.vidrio.lens.decode.sae.cross;

import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.decode.sae.Features;
import dev.vidrio.lens.numeric.Adam;
import dev.vidrio.lens.resolve.Preconditions;
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
final class CrossTrainer implements AutoCloseable {
  /** Weight of a step's threshold in the mean threshold. */
  private static final double NEW = 0.01;

  private final CrossLayout layout;
  private final CrossOptions options;
  final List<FeatureGroup> groups = new ArrayList<>();

  /** [1][outputs · width]. */
  final float[][] outputBias;

  final Adam outputBiasAdam;

  /** Factors of inputs, and then of outputs unless these are the inputs. */
  final float[] scales;

  int steps;
  double threshold;

  CrossTrainer(Executor executor, CrossLayout layout, CrossOptions options) {
    long all = (long) options.features() * layout.groups().size();
    Preconditions.require(
        options.k() <= all, "k", options.k(), "must be at most the number of features, " + all);
    this.layout = layout;
    this.options = options;
    this.outputBias = new float[1][layout.outputs() * layout.width()];
    this.outputBiasAdam = new Adam(outputBias);
    this.scales = new float[layout.columns() / layout.width()];
    var random = new SplitMix64(options.seed());
    try {
      for (int g = 0; g < layout.groups().size(); g++) {
        groups.add(new FeatureGroup(executor, layout, g, options, random));
      }
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  CrossLayout layout() {
    return layout;
  }

  CrossOptions options() {
    return options;
  }

  /** Sets the scales and the bias of the outputs to those of some activations. */
  void prepare(ActivationRows rows) {
    int width = layout.width();
    var lengths = new double[scales.length];
    var sums = new double[layout.columns()];
    var row = new float[layout.columns()];
    for (int i = 0; i < rows.size(); i++) {
      rows.copy(i, row);
      for (int s = 0; s < scales.length; s++) {
        double squares = 0;
        for (int j = s * width; j < (s + 1) * width; j++) {
          sums[j] += row[j];
          squares += (double) row[j] * row[j];
        }
        lengths[s] += Math.sqrt(squares);
      }
    }
    for (int s = 0; s < scales.length; s++) {
      double length = lengths[s] / rows.size();
      boolean valid = length > 0 && Double.isFinite(length);
      Preconditions.require(
          valid, "activations", "of mean length " + length, "must be finite, and not all zeros");
      scales[s] = (float) (Math.sqrt(width) / length);
    }
    int first = layout.columns() - outputBias[0].length;
    for (int j = 0; j < outputBias[0].length; j++) {
      outputBias[0][j] = (float) (outputScale(j / width) * sums[first + j] / rows.size());
    }
  }

  private float outputScale(int output) {
    return scales[scales.length - layout.outputs() + output];
  }

  /**
   * Runs one step.
   *
   * @param rows activations of tokens, inputs and then outputs unless these are the inputs, [batch]
   *     [columns]; scaled in place
   */
  CrossProgress step(float[][] rows) {
    for (float[] row : rows) {
      for (int j = 0; j < row.length; j++) {
        row[j] *= scales[j / layout.width()];
      }
    }
    int first = layout.columns() - outputBias[0].length;
    float[][] y =
        Arrays.stream(rows)
            .map(row -> Arrays.copyOfRange(row, first, row.length))
            .toArray(float[][]::new);
    steps++;
    List<float[][]> pre = groups.stream().map(group -> group.preActivations(rows)).toList();
    double least = options.k() == 0 ? 0 : batchThreshold(pre, rows.length);
    threshold = steps == 1 ? least : (1 - NEW) * threshold + NEW * least;
    List<Features[]> active = new ArrayList<>();
    for (int g = 0; g < groups.size(); g++) {
      active.add(groups.get(g).active(pre.get(g), least));
    }
    float[][] errors = errors(active, y);
    for (int g = 0; g < groups.size(); g++) {
      groups.get(g).descend(steps, options, rows, errors, pre.get(g), active.get(g));
    }
    var biasGradient = new float[outputBias[0].length];
    for (float[] error : errors) {
      Vectors.add(biasGradient, 2f / errors.length, error);
    }
    outputBiasAdam.step(steps, options.rate(steps), 0, outputBias[0], biasGradient);
    return progress(errors, y, active);
  }

  /** Returns the smallest of the k · batch largest values times norms of a batch, at least 0. */
  private double batchThreshold(List<float[][]> pre, int batch) {
    var values = new float[batch * groups.size() * options.features()];
    int count = 0;
    for (int g = 0; g < groups.size(); g++) {
      for (float[] row : pre.get(g)) {
        for (int f = 0; f < row.length; f++) {
          if (row[f] > 0) {
            values[count++] = row[f] * groups.get(g).norm(f);
          }
        }
      }
    }
    Arrays.parallelSort(values, 0, count);
    int kept = options.k() * batch;
    return count < kept ? 0 : values[count - kept];
  }

  /** Returns ŷ − y. */
  private float[][] errors(List<Features[]> active, float[][] y) {
    var errors = new float[y.length][];
    IntStream.range(0, y.length)
        .parallel()
        .forEach(
            b -> {
              errors[b] = Vectors.minus(outputBias[0], y[b]);
              for (int g = 0; g < groups.size(); g++) {
                groups.get(g).addOutputs(active.get(g)[b], errors[b]);
              }
            });
    return errors;
  }

  private CrossProgress progress(float[][] errors, float[][] y, List<Features[]> active) {
    double error = 0;
    double squares = 0;
    long count = 0;
    for (int b = 0; b < y.length; b++) {
      error += Vectors.dot(errors[b], errors[b]);
      squares += Vectors.dot(y[b], y[b]);
      for (Features[] group : active) {
        count += group[b].count();
      }
    }
    return new CrossProgress(steps, error / squares, count / (double) y.length, dead());
  }

  /** Returns the number of features that are dead according to the options. */
  int dead() {
    return groups.stream().mapToInt(group -> group.dead(options.deadAfter())).sum();
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
    FeatureGroup weights = groups.get(group);
    CrossLayout.Group range = layout.groups().get(group);
    float[] norms = weights.norms();
    float[][] encoder = Vectors.copy(weights.encoder);
    float[][] decoder = Vectors.copy(weights.decoder);
    float[] bias = weights.bias[0].clone();
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
      thresholds[f] = unit || norms[f] == 0 ? (float) threshold : (float) (threshold / norms[f]);
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
    groups.forEach(FeatureGroup::close);
  }
}
