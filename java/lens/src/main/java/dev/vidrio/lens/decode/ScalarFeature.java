package dev.vidrio.lens.decode;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.DictionaryInputs;
import dev.vidrio.lens.decode.sae.FeatureDictionary;
import dev.vidrio.lens.decode.sae.Features;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.List;

/**
 * A part of a model with one number per token as its activation: a neuron, a head or a feature of a
 * sparse autoencoder.
 */
public sealed interface ScalarFeature {
  /** Returns the hook point that it is read from. */
  HookPoint point();

  /** Returns its activations at the tokens of a cache. */
  float[] values(ActivationCache cache);

  /** An element of an activation's rows, such as a neuron of {@code mlp.hook_post}. */
  record Element(HookPoint point, int element) implements ScalarFeature {
    public Element {
      Preconditions.requireRows(point);
    }

    @Override
    public float[] values(ActivationCache cache) {
      Activation activation = cache.get(point);
      var values = new float[cache.rows()];
      for (int i = 0; i < values.length; i++) {
        float[] row = activation.row(i);
        Preconditions.requireRange("element", element, 0, row.length - 1);
        values[i] = row[element];
      }
      return values;
    }
  }

  /** The norm of a head's output, ‖z‖₂. */
  record Head(int layer, int head) implements ScalarFeature {
    @Override
    public HookPoint point() {
      return new HookPoint(HookSite.Z, layer);
    }

    @Override
    public float[] values(ActivationCache cache) {
      Activation z = cache.get(point());
      int heads = z.shape().get(1);
      Preconditions.requireRange("head", head, 0, heads - 1);
      int width = z.shape().get(2);
      var values = new float[cache.rows()];
      for (int i = 0; i < values.length; i++) {
        float[] row = Arrays.copyOfRange(z.row(i), head * width, (head + 1) * width);
        values[i] = (float) Vectors.norm(row);
      }
      return values;
    }
  }

  /** A feature of a sparse autoencoder. */
  record Feature(HookPoint point, FeatureDictionary dictionary, int feature)
      implements ScalarFeature {
    public Feature {
      Preconditions.requireRange("feature", feature, 0, dictionary.features() - 1);
    }

    /**
     * Returns a feature at the hook point of the dictionary's file.
     *
     * @throws dev.vidrio.error.InvalidInputException if it reads several hook points
     */
    public static Feature of(Lens lens, FeatureDictionary dictionary, int feature) {
      List<HookPoint> points = DictionaryInputs.of(lens, dictionary).points();
      Preconditions.require(points.size() == 1, "dictionary", points, "must read one hook point");
      return new Feature(points.getFirst(), dictionary, feature);
    }

    @Override
    public float[] values(ActivationCache cache) {
      List<Features> found = dictionary.encode(cache.get(point).rows());
      var values = new float[found.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = found.get(i).of(feature);
      }
      return values;
    }
  }
}
