package dev.vidrio.lens.graph;

import dev.vidrio.lens.decode.sae.CrossLayerTranscoder;
import dev.vidrio.lens.decode.sae.Features;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.lens.vector.Vectors;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The features that read the input of a layer's feed-forward block, and what they write. */
sealed interface LayerDictionary {
  /** Returns the active features of inputs [n][d_in]. */
  List<Features> encode(float[][] inputs);

  /** Returns the direction of a feature in the input, [d_in]. */
  float[] inputDirection(int feature);

  /** Returns the number of layers that features write to, from this one on. */
  int outputs();

  /** Returns what a feature of a value adds to the {@link #outputs} of layers. */
  float[][] written(int feature, float value);

  /** Returns the constant part of this layer's output, [d_out]. */
  float[] bias();

  /** Returns the skip connection from input to output, [d_out][d_in], or null. */
  float @Nullable [][] skip();

  /** The features of a transcoder of one layer. */
  record OfTranscoder(SparseAutoencoder transcoder) implements LayerDictionary {
    @Override
    public List<Features> encode(float[][] inputs) {
      return transcoder.encode(inputs);
    }

    @Override
    public float[] inputDirection(int feature) {
      return transcoder.inputDirection(feature);
    }

    @Override
    public int outputs() {
      return 1;
    }

    @Override
    public float[][] written(int feature, float value) {
      return new float[][] {transcoder.contribution(feature, value)};
    }

    @Override
    public float[] bias() {
      return transcoder.bias();
    }

    @Override
    public float @Nullable [][] skip() {
      return transcoder.skip();
    }
  }

  /** The features of a cross-layer transcoder that read one layer. */
  record OfCrossLayer(CrossLayerTranscoder transcoder, int layer) implements LayerDictionary {
    @Override
    public List<Features> encode(float[][] inputs) {
      return transcoder.encode(layer, inputs);
    }

    @Override
    public float[] inputDirection(int feature) {
      return transcoder.inputDirection(layer, feature);
    }

    @Override
    public int outputs() {
      return transcoder.layers() - layer;
    }

    @Override
    public float[][] written(int feature, float value) {
      float[][] directions = transcoder.directions(layer, feature);
      for (float[] direction : directions) {
        Vectors.scale(direction, value);
      }
      return directions;
    }

    @Override
    public float[] bias() {
      return transcoder.bias(layer);
    }

    @Override
    public float @Nullable [][] skip() {
      return null;
    }
  }
}
