package dev.vidrio.lens.graph;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.decode.sae.CrossLayerTranscoder;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.lens.hook.Intervention;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The change of the likeliest token's logit, relative to the mean logit, or of the graph's metric,
 * if a feature is set to 0 at its token: as the graph predicts it, and in the model, where
 * attention patterns, divisors and other features change too.
 *
 * @param node index of the feature
 */
public record AblationEffect(int node, double predicted, double measured) {
  /**
   * Sets the most influential features to 0, one at a time.
   *
   * @param features those of the graph
   * @param metric that of the graph, or null
   * @param count maximum number of features
   */
  public static List<AblationEffect> of(
      Lens lens,
      AttributionGraph graph,
      GraphFeatures features,
      @Nullable DifferentiableMetric metric,
      int count) {
    Metric measure = metric == null ? likeliest(graph) : metric;
    double before = measure.of(lens, graph.tokens(), List.of());
    List<AblationEffect> effects = new ArrayList<>();
    for (int node : mostInfluential(graph, count)) {
      GraphNode feature = graph.nodes().get(node);
      double predicted = graph.predictedChange(node, -feature.value())[0];
      double after = measure.of(lens, graph.tokens(), ablation(feature, features));
      effects.add(new AblationEffect(node, predicted, after - before));
    }
    return effects;
  }

  private static List<Integer> mostInfluential(AttributionGraph graph, int count) {
    return IntStream.range(0, graph.nodes().size())
        .filter(i -> graph.nodes().get(i).isFeature())
        .boxed()
        .sorted(Comparator.comparingDouble(i -> -graph.influence(i)))
        .limit(count)
        .toList();
  }

  private static List<Intervention> ablation(GraphNode node, GraphFeatures features) {
    return switch (features) {
      case GraphFeatures.Neurons() ->
          List.of(
              Intervention.set(new HookPoint(HookSite.POST, node.layer()), 0)
                  .neuron(node.id())
                  .position(node.position()));
      case GraphFeatures.Transcoders(Map<Integer, SparseAutoencoder> byLayer) ->
          removal(
              node,
              new LayerDictionary.OfTranscoder(Objects.requireNonNull(byLayer.get(node.layer()))));
      case GraphFeatures.CrossLayer(CrossLayerTranscoder transcoder) ->
          removal(node, new LayerDictionary.OfCrossLayer(transcoder, node.layer()));
    };
  }

  /** Removes what a feature writes. */
  private static List<Intervention> removal(GraphNode node, LayerDictionary dictionary) {
    float[][] written = dictionary.written(node.id(), (float) node.value());
    List<Intervention> removed = new ArrayList<>();
    for (int i = 0; i < written.length; i++) {
      var out = new HookPoint(HookSite.MLP_OUT, node.layer() + i);
      removed.add(Intervention.add(out, -1, written[i]).position(node.position()));
    }
    return removed;
  }

  /** Returns the logit of the likeliest token minus the mean logit. */
  private static Metric likeliest(AttributionGraph graph) {
    int token = graph.nodes().stream().filter(GraphNode::isTarget).findFirst().orElseThrow().id();
    return logits -> {
      double sum = 0;
      int vocabulary = Math.toIntExact(logits.byteSize() / Float.BYTES);
      for (int w = 0; w < vocabulary; w++) {
        sum += logits.getAtIndex(JAVA_FLOAT, w);
      }
      return logits.getAtIndex(JAVA_FLOAT, token) - sum / vocabulary;
    };
  }
}
