package dev.vidrio.lens.graph;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.CrossLayerTranscoder;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookSource;
import dev.vidrio.lens.resolve.Preconditions;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Creates the layers of an {@link AttributionGraph}, one for each feed-forward block. */
final class FeatureLayers {
  private final Lens lens;
  private final HookMap hooks;
  private final Arena arena;

  /**
   * Prepares the creation.
   *
   * @param hooks of the plan of the graph
   * @param arena holds the weights that layers insert into the plan
   */
  FeatureLayers(Lens lens, HookMap hooks, Arena arena) {
    this.lens = lens;
    this.hooks = hooks;
    this.arena = arena;
  }

  /** Creates the layers, in order. */
  List<? extends FeatureLayer> of(GraphFeatures features) {
    return switch (features) {
      case GraphFeatures.Neurons() -> neurons();
      case GraphFeatures.Transcoders(Map<Integer, SparseAutoencoder> byLayer) ->
          transcoders(byLayer);
      case GraphFeatures.CrossLayer(CrossLayerTranscoder transcoder) -> crossLayer(transcoder);
    };
  }

  private List<HookPoint> outputs() {
    List<HookPoint> outputs = new ArrayList<>();
    for (int l = 0; l < lens.model().architecture().layers(); l++) {
      var out = new HookPoint(HookSite.MLP_OUT, l);
      if (hooks.has(out)) {
        outputs.add(out);
      }
    }
    return outputs;
  }

  private List<NeuronLayer> neurons() {
    List<NeuronLayer> found = new ArrayList<>();
    for (HookPoint out : outputs()) {
      var post = new HookPoint(HookSite.POST, out.layer());
      boolean dense =
          hooks.has(post) && !hooks.has(new HookPoint(HookSite.EXPERT_INDICES, out.layer()));
      Preconditions.require(
          dense,
          "attribution graph over neurons",
          "",
          "layer " + out.layer() + " is not a dense feed-forward block");
      found.add(new NeuronLayer(out.layer(), hooks.buffer(post)));
    }
    return found;
  }

  private List<TranscoderLayer> transcoders(Map<Integer, SparseAutoencoder> byLayer) {
    List<TranscoderLayer> found = new ArrayList<>();
    for (HookPoint out : outputs()) {
      SparseAutoencoder transcoder = byLayer.get(out.layer());
      HookPoint in =
          transcoder == null
              ? hooks.beforeMlp(out.layer())
              : lens.point(transcoder.config().hookIn());
      LayerDictionary dictionary =
          transcoder == null ? null : new LayerDictionary.OfTranscoder(transcoder);
      found.add(layer(in, out, dictionary, found));
    }
    return found;
  }

  private List<TranscoderLayer> crossLayer(CrossLayerTranscoder transcoder) {
    List<TranscoderLayer> found = new ArrayList<>();
    for (int l = 0; l < transcoder.layers(); l++) {
      var dictionary = new LayerDictionary.OfCrossLayer(transcoder, l);
      found.add(layer(transcoder.input(l), transcoder.output(l), dictionary, found));
    }
    return found;
  }

  private TranscoderLayer layer(
      HookPoint in,
      HookPoint out,
      @Nullable LayerDictionary dictionary,
      List<TranscoderLayer> earlier) {
    HookSource source = hooks.source(in);
    boolean readable =
        source.width() == hooks.source(hooks.beforeMlp(out.layer())).width()
            && (source instanceof HookSource.Written
                || (source instanceof HookSource.Norm norm && !norm.divisor()));
    Preconditions.require(
        readable && in.layer() == out.layer(),
        "transcoder of " + out,
        in.name(),
        "must read the residual stream of its layer, or its norm");
    Buffer written = hooks.buffer(out);
    float[][] skip = dictionary == null ? null : dictionary.skip();
    SkipInsertion insertion =
        skip == null
            ? null
            : new SkipInsertion(lens.model().executor(), arena, source, written, skip);
    return new TranscoderLayer(out.layer(), source, written, dictionary, insertion, earlier);
  }
}
