package dev.vidrio.lens.graph;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.CrossLayerTranscoder;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The nodes of an {@link AttributionGraph} in feed-forward blocks: the features of transcoders of
 * single layers or of a cross-layer transcoder, or neurons.
 */
public sealed interface GraphFeatures {
  /** Returns neurons, which every feed-forward block has and which explain all of its output. */
  static GraphFeatures neurons() {
    return new Neurons();
  }

  /**
   * Returns the features of transcoders. A feed-forward block without one is a single error node
   * per token. A skip connection is a part of the linear map between nodes: effects pass through it
   * to the nodes before, as through attention.
   *
   * @param transcoders at most one for each layer, from the input of its feed-forward block to the
   *     output; they must stay open
   * @throws InvalidInputException if there is none, or one is not a transcoder or normalizes its
   *     input, or if two have the same layer
   */
  static GraphFeatures transcoders(Lens lens, List<SparseAutoencoder> transcoders) {
    Preconditions.require(!transcoders.isEmpty(), "transcoders", "0", "must be 1 or more");
    Map<Integer, SparseAutoencoder> byLayer = new HashMap<>();
    for (SparseAutoencoder transcoder : transcoders) {
      String name = transcoder.config().hookOut();
      HookPoint out = Preconditions.requireOne(name, lens.points(name));
      boolean fits = transcoder.config().transcoder() && out.site() == HookSite.MLP_OUT;
      Preconditions.require(
          fits,
          "transcoder of " + name,
          "",
          "must map the input of a feed-forward block to its output, hook_mlp_out");
      var _ = transcoder.inputDirection(0);
      Preconditions.require(
          byLayer.put(out.layer(), transcoder) == null,
          "transcoders",
          name,
          "two transcoders have the same output");
    }
    return new Transcoders(byLayer);
  }

  /**
   * Returns the features of a cross-layer transcoder. An edge from a feature is the sum of its
   * effects through all outputs that it writes to before the target.
   *
   * @param transcoder must stay open
   */
  static GraphFeatures crossLayer(CrossLayerTranscoder transcoder) {
    return new CrossLayer(transcoder);
  }

  /** Neurons of feed-forward blocks. */
  record Neurons() implements GraphFeatures {}

  /** Features of transcoders, by the layer of each. */
  record Transcoders(Map<Integer, SparseAutoencoder> byLayer) implements GraphFeatures {
    public Transcoders {
      byLayer = Map.copyOf(byLayer);
    }
  }

  /** Features of a cross-layer transcoder. */
  record CrossLayer(CrossLayerTranscoder transcoder) implements GraphFeatures {}
}
