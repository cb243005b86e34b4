package dev.vidrio.lens.graph;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.lens.decode.sae.Features;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.lens.partial.NormValues;
import dev.vidrio.lens.resolve.HookSource;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The features of a transcoder; without one, all of the output is an error. */
final class TranscoderLayer extends FeatureLayer {
  private final HookSource source;
  private final @Nullable SparseAutoencoder transcoder;
  private final float @Nullable [] bias;
  private final List<Feature> features = new ArrayList<>();
  private float[][] stream = {};
  private float[][] errors = {};

  /** An active feature and what it writes. */
  private static final class Feature {
    final int position;
    final int id;
    final float value;
    final double constant;
    final float[] written;

    Feature(int position, int id, float value, double constant, float[] written) {
      this.position = position;
      this.id = id;
      this.value = value;
      this.constant = constant;
      this.written = written;
    }
  }

  /**
   * Creates a layer.
   *
   * @param source of the input of the transcoder: an activation, or one before a norm
   */
  TranscoderLayer(
      int layer, HookSource source, Buffer written, @Nullable SparseAutoencoder transcoder) {
    super(layer, source.captured().getFirst(), written);
    this.source = source;
    this.transcoder = transcoder;
    this.bias = transcoder == null ? null : transcoder.bias();
  }

  @Override
  void find(FrozenPass pass) {
    features.clear();
    errors = pass.values(written);
    if (transcoder == null) {
      return;
    }
    stream = pass.values(read);
    var inputs = new float[stream.length][];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] =
          source instanceof HookSource.Norm norm
              ? NormValues.normalized(norm.op(), stream[i])
              : stream[i];
    }
    List<Features> active = transcoder.encode(inputs);
    for (int i = 0; i < inputs.length; i++) {
      Features row = active.get(i);
      errors[i] = Vectors.minus(errors[i], transcoder.decode(row, inputs[i]));
      for (int f = 0; f < row.count(); f++) {
        int id = row.id(f);
        float value = row.value(f);
        double linear = Vectors.dot(transcoder.inputDirection(id), inputs[i]);
        features.add(new Feature(i, id, value, value - linear, transcoder.contribution(id, value)));
      }
    }
  }

  @Override
  int count() {
    return features.size();
  }

  @Override
  GraphNode node(int feature) {
    Feature f = features.get(feature);
    return new GraphNode(GraphNode.Kind.FEATURE, layer, f.position, f.id, f.value, 0);
  }

  @Override
  float[] seed(int feature) {
    Feature f = features.get(feature);
    if (transcoder == null) {
      throw new IllegalStateException("layer " + layer + " has no transcoder");
    }
    float[] seed = transcoder.inputDirection(f.id);
    if (source instanceof HookSource.Norm norm) {
      NormValues.center(norm.op(), seed);
      Vectors.scale(seed, 1 / NormValues.scale(norm.op(), stream[f.position]));
    }
    return seed;
  }

  @Override
  double constant(int feature) {
    return features.get(feature).constant;
  }

  @Override
  void effects(float[][] gradient, float[] effects, int first) {
    for (int f = 0; f < features.size(); f++) {
      Feature feature = features.get(f);
      effects[first + f] = (float) Vectors.dot(feature.written, gradient[feature.position]);
    }
  }

  @Override
  float[][] errors() {
    return errors;
  }

  @Override
  float @Nullable [] bias() {
    return bias;
  }
}
