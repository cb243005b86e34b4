package dev.vidrio.lens.graph;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The feed-forward block of a layer, as active features of a text's tokens and a rest. Features are
 * numbered in the order of tokens.
 */
abstract sealed class FeatureLayer permits NeuronLayer, TranscoderLayer {
  /** The number of the layer. */
  final int layer;

  /** The activation that features are read from, where their gradients start. */
  final Buffer read;

  /** The activation that features are written to. */
  final Buffer written;

  FeatureLayer(int layer, Buffer read, Buffer written) {
    this.layer = layer;
    this.read = read;
    this.written = written;
  }

  /** Returns the activation that is a constant of gradients, by default {@link #written}. */
  Buffer blocked() {
    return written;
  }

  /** Returns operations of the forward pass with those that this layer inserts. */
  List<Op> insert(List<Op> ops) {
    return ops;
  }

  /** Finds the active features of the text of a forward pass. */
  abstract void find(FrozenPass pass);

  /** Returns the number of active features of all tokens. */
  abstract int count();

  /** Returns an active feature. */
  abstract GraphNode node(int feature);

  /** Returns the gradient of a feature's value with respect to its row of {@link #read}. */
  abstract float[] seed(int feature);

  /** Returns the part of a feature's value that does not depend on {@link #read}. */
  abstract double constant(int feature);

  /** Returns whether features write to a layer; by default, to their own only. */
  boolean writesTo(int other) {
    return other == layer;
  }

  /**
   * Adds effects of features: products of what they write to a layer and its gradients.
   *
   * @param to the number of a layer that they {@linkplain #writesTo write to}
   * @param gradient with respect to what is {@link #written} there, [n][width]
   * @param effects one for each feature, from {@code first}
   */
  abstract void addEffects(int to, float[][] gradient, float[] effects, int first);

  /**
   * Returns the part of the output that no feature explains, [n][width], or null if features
   * explain all of it.
   */
  abstract float @Nullable [][] errors();

  /** Returns the constant part of the output, [width], or null if there is none. */
  abstract float @Nullable [] bias();
}
