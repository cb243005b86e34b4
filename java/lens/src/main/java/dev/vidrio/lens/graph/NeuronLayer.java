package dev.vidrio.lens.graph;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.pass.CopyInsertion;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The neurons of a feed-forward block. The gate or the activation function counts as a constant
 * factor, so that a neuron's value is a linear function of the stream.
 */
final class NeuronLayer extends FeatureLayer {
  private final int width;
  private float[][] values = {};

  /**
   * Creates a layer.
   *
   * @param neurons the block continues with a copy of them
   */
  NeuronLayer(int layer, Buffer neurons) {
    super(layer, CopyInsertion.computed(neurons), neurons);
    this.width = neurons.width();
  }

  @Override
  List<Op> insert(List<Op> ops) {
    return CopyInsertion.apply(ops, Set.of(written));
  }

  @Override
  void find(FrozenPass pass) {
    values = pass.values(read);
  }

  @Override
  int count() {
    return values.length * width;
  }

  @Override
  GraphNode node(int feature) {
    int position = feature / width;
    int neuron = feature % width;
    return new GraphNode(
        GraphNode.Kind.NEURON, layer, position, neuron, values[position][neuron], 0);
  }

  @Override
  float[] seed(int feature) {
    var seed = new float[width];
    seed[feature % width] = 1;
    return seed;
  }

  @Override
  double constant(int feature) {
    return 0;
  }

  @Override
  void addEffects(int to, float[][] gradient, float[] effects, int first) {
    int at = first;
    for (int i = 0; i < values.length; i++) {
      for (int j = 0; j < width; j++) {
        effects[at++] += values[i][j] * gradient[i][j];
      }
    }
  }

  @Override
  float @Nullable [][] errors() {
    return null;
  }

  @Override
  float @Nullable [] bias() {
    return null;
  }
}
