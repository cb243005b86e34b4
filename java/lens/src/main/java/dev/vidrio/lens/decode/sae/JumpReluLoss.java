package dev.vidrio.lens.decode.sae;

import dev.vidrio.lens.decode.sae.SaeKind.ActivityPenalty;
import dev.vidrio.lens.decode.sae.train.ActiveFeatures;
import dev.vidrio.lens.decode.sae.train.FeatureGradients;
import dev.vidrio.lens.decode.sae.train.FeatureGradients.Part;
import dev.vidrio.lens.decode.sae.train.FeatureWeights;
import dev.vidrio.lens.decode.sae.train.TokenRows;
import dev.vidrio.lens.decode.sae.train.TrainedVector;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Values above a threshold of each feature (JumpReLU, Rajamanoharan et al. 2024, arXiv 2407.14435):
 * {@code h = pre · 1[pre > θ]}. Thresholds learn by a straight-through estimate, from the values
 * within a bandwidth around them.
 */
final class JumpReluLoss implements SaeLoss {
  private final FeatureWeights features;
  private final SaeKind.JumpRelu kind;
  private final int deadAfter;
  private final float bandwidth;
  private final float scale;
  private final float target;
  private final TrainedVector threshold;

  /**
   * Describes the losses of features.
   *
   * @param deadAfter number of steps without activity after which a feature counts as dead
   */
  JumpReluLoss(FeatureWeights features, SaeKind.JumpRelu kind, int deadAfter) {
    this.features = features;
    this.kind = kind;
    this.deadAfter = deadAfter;
    this.bandwidth = (float) kind.bandwidth();
    this.scale = (float) kind.scale();
    this.target = (float) kind.target();
    this.threshold = TrainedVector.notNegative("threshold", features.features(), kind.threshold());
  }

  @Override
  public List<TrainedVector> vectors() {
    return List.of(threshold);
  }

  @Override
  public SaeStep step(float[][] inputs, float[][] outputs, float[] outputBias, double strength) {
    int[] dead = kind.preActivations() == 0 ? new int[0] : features.deadFeatures(deadAfter);
    float[][] pre = features.preActivations(inputs);
    float[] thresholds = threshold.values();
    ActiveFeatures active =
        features.counted(ActiveFeatures.of(pre, (t, ids) -> above(pre[t], thresholds, ids)));
    ActiveFeatures near = ActiveFeatures.of(pre, (t, ids) -> near(pre[t], thresholds, ids));
    float[][] errors = features.errors(active, outputBias, outputs);
    float factor = 2f / inputs.length;
    float penalty = (float) (strength * kind.penalty() / inputs.length);
    var normSlopes = new float[features.features()];
    List<float[]> both =
        Part.valueSlopes(features, List.of(active, near), TokenRows.common(errors), factor);
    float[] slopes = both.getFirst();
    float[] estimates = both.getLast();
    addTanhSlopes(active, penalty, slopes);
    addTanhSlopes(near, penalty, estimates);
    addTanhNorms(active, penalty, normSlopes);
    List<Part> parts = new ArrayList<>();
    parts.add(new Part(active, TokenRows.common(errors), factor, slopes, normSlopes, true));
    float[] ofSteps = ofSteps(active, inputs.length, penalty);
    var ofThreshold = new float[thresholds.length];
    near.forEachFeature(
        (f, begin, end) -> {
          float sum = 0;
          for (int i = begin; i < end; i++) {
            float jump = thresholds[f] * estimates[i] + ofSteps[near.token(i)];
            estimates[i] = jump / bandwidth;
            sum -= estimates[i];
          }
          ofThreshold[f] = sum;
        });
    if (kind.trainsEncoder()) {
      parts.add(Part.ofSlopes(near, estimates, null));
    }
    if (dead.length > 0) {
      parts.add(ofDead(dead, pre, (float) (kind.preActivations() / inputs.length), ofThreshold));
    }
    threshold.gradient(ofThreshold);
    return new SaeStep(active, errors, errors, new FeatureGradients(features, inputs, parts));
  }

  private static int above(float[] pre, float[] thresholds, int[] selected) {
    int n = 0;
    for (int f = 0; f < pre.length; f++) {
      selected[n] = f;
      n += pre[f] > thresholds[f] ? 1 : 0;
    }
    return n;
  }

  private int near(float[] pre, float[] thresholds, int[] selected) {
    int n = 0;
    for (int f = 0; f < pre.length; f++) {
      selected[n] = f;
      n += Math.abs((pre[f] - thresholds[f]) / bandwidth) < 0.5f ? 1 : 0;
    }
    return n;
  }

  /** Adds the gradients of the values of features at tokens. */
  private void addTanhSlopes(ActiveFeatures some, float penalty, float[] slopes) {
    if (kind.form() == ActivityPenalty.TANH) {
      some.forEach(
          (f, i) -> slopes[i] += penalty * scale * features.norm(f) * tanhSlope(f, some, i));
    }
  }

  /** Adds the gradients of the norms of decoders. */
  private void addTanhNorms(ActiveFeatures active, float penalty, float[] normSlopes) {
    if (kind.form() == ActivityPenalty.TANH) {
      active.forEach(
          (f, i) -> normSlopes[f] += penalty * scale * active.value(i) * tanhSlope(f, active, i));
    }
  }

  /** Returns the derivative of tanh at the value of a feature; below the threshold, it is 0. */
  private float tanhSlope(int f, ActiveFeatures some, int i) {
    float value = some.value(i) > threshold.values()[f] ? some.value(i) : 0;
    float tanh = (float) StrictMath.tanh(scale * value * features.norm(f));
    return 1 - tanh * tanh;
  }

  /** Returns the gradient of {@code 1[pre > θ]} at each token. */
  private float[] ofSteps(ActiveFeatures active, int tokens, float penalty) {
    var ofSteps = new float[tokens];
    switch (kind.form()) {
      case STEP -> Arrays.fill(ofSteps, penalty);
      case QUADRATIC -> {
        for (int t = 0; t < tokens; t++) {
          ofSteps[t] = penalty * 4 / target * (active.count(t) - target);
        }
      }
      case TANH -> {
        // Values have all of the gradient.
      }
    }
    return ofSteps;
  }

  /**
   * Returns the gradient of {@code coefficient · Σ ReLU(θ − pre) ‖d‖} of dead features, and adds
   * that of thresholds.
   */
  private Part ofDead(int[] dead, float[][] pre, float coefficient, float[] ofThreshold) {
    float[] thresholds = threshold.values();
    ActiveFeatures below =
        ActiveFeatures.of(
            pre, t -> Arrays.stream(dead).filter(f -> pre[t][f] < thresholds[f]).toArray());
    var slopes = new float[below.size()];
    var normSlopes = new float[thresholds.length];
    below.forEach(
        (f, i) -> {
          slopes[i] = -coefficient * features.norm(f);
          ofThreshold[f] -= slopes[i];
          normSlopes[f] += coefficient * (thresholds[f] - below.value(i));
        });
    return Part.ofSlopes(below, slopes, normSlopes);
  }
}
