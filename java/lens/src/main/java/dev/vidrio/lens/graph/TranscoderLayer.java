package dev.vidrio.lens.graph;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.decode.sae.Features;
import dev.vidrio.lens.partial.NormValues;
import dev.vidrio.lens.resolve.HookSource;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The features of transcoders at a layer. The error is what no feature of this layer or an earlier
 * one, bias or skip connection explains of the output.
 */
final class TranscoderLayer extends FeatureLayer {
  private final HookSource source;
  private final @Nullable LayerDictionary dictionary;
  private final float @Nullable [] bias;
  private final @Nullable SkipInsertion skip;
  private final List<TranscoderLayer> earlier;
  private final List<Feature> features = new ArrayList<>();
  private float[][] stream = {};
  private float[][] errors = {};

  /** An active feature and what it writes to this layer and to later ones. */
  private static final class Feature {
    final int position;
    final int id;
    final float value;
    final double constant;
    final float[][] written;

    Feature(int position, int id, float value, double constant, float[][] written) {
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
   * @param source of the input of the features: an activation, or one before a norm
   * @param dictionary the features, or null if there are none
   * @param skip the skip connection of the dictionary, or null
   * @param earlier the layers before, in order
   */
  TranscoderLayer(
      int layer,
      HookSource source,
      Buffer written,
      @Nullable LayerDictionary dictionary,
      @Nullable SkipInsertion skip,
      List<TranscoderLayer> earlier) {
    super(layer, source.captured().getFirst(), written);
    this.source = source;
    this.dictionary = dictionary;
    this.bias = dictionary == null ? null : dictionary.bias();
    this.skip = skip;
    this.earlier = List.copyOf(earlier);
  }

  @Override
  Buffer blocked() {
    return skip == null ? written : SkipInsertion.rest(written);
  }

  @Override
  List<Op> insert(List<Op> ops) {
    return skip == null ? ops : skip.apply(ops);
  }

  @Override
  void find(FrozenPass pass) {
    features.clear();
    stream = pass.values(read);
    var inputs = new float[stream.length][];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] =
          source instanceof HookSource.Norm norm
              ? NormValues.normalized(norm.op(), stream[i])
              : stream[i];
    }
    if (dictionary != null) {
      find(dictionary, inputs);
    }
    errors = errors(pass.values(written), inputs);
  }

  private void find(LayerDictionary in, float[][] inputs) {
    List<Features> active = in.encode(inputs);
    for (int i = 0; i < inputs.length; i++) {
      Features row = active.get(i);
      for (int f = 0; f < row.count(); f++) {
        int id = row.id(f);
        float value = row.value(f);
        double linear = Vectors.dot(in.inputDirection(id), inputs[i]);
        features.add(new Feature(i, id, value, value - linear, in.written(id, value)));
      }
    }
  }

  private float[][] errors(float[][] outputs, float[][] inputs) {
    var explained = new float[outputs.length][];
    for (int i = 0; i < explained.length; i++) {
      explained[i] = bias == null ? new float[written.width()] : bias.clone();
    }
    earlier.stream()
        .filter(before -> before.writesTo(layer))
        .forEach(before -> before.addWritten(layer, explained));
    addWritten(layer, explained);
    var rest = new float[outputs.length][];
    for (int i = 0; i < rest.length; i++) {
      if (skip != null) {
        skip.addProduct(inputs[i], explained[i]);
      }
      rest[i] = Vectors.minus(outputs[i], explained[i]);
    }
    return rest;
  }

  @Override
  boolean writesTo(int other) {
    return dictionary != null && other >= layer && other - layer < dictionary.outputs();
  }

  /** Adds what the features of this layer write to the output of a layer, [n][width]. */
  private void addWritten(int to, float[][] sums) {
    for (Feature feature : features) {
      Vectors.add(sums[feature.position], 1, feature.written[to - layer]);
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
    if (dictionary == null) {
      throw new IllegalStateException("layer " + layer + " has no transcoder");
    }
    float[] seed = dictionary.inputDirection(f.id);
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
  void addEffects(int to, float[][] gradient, float[] effects, int first) {
    for (int f = 0; f < features.size(); f++) {
      Feature feature = features.get(f);
      effects[first + f] +=
          (float) Vectors.dot(feature.written[to - layer], gradient[feature.position]);
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
