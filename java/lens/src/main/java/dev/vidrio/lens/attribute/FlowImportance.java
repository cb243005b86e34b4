package dev.vidrio.lens.attribute;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.attribute.FlowRoutes.Block;
import dev.vidrio.lens.attribute.FlowRoutes.Edge;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The importance of a component to the information flow of texts, whatever they predict (Ferrando
 * and Voita 2024, arXiv 2403.00824): its share of the residual stream that it adds to, over all
 * source tokens, averaged over tokens.
 *
 * @param layer its layer
 * @param block its kind, other than {@link Block#RESIDUAL}
 * @param head of a {@link Block#HEAD}, otherwise −1
 * @param share 0 to 1, the mean over tokens
 * @param active 0 to 1, the portion of the tokens into which at least one of its edges has a share
 *     above the threshold
 * @see FlowRoutes
 */
public record FlowImportance(int layer, Block block, int head, double share, double active) {
  private record Component(int layer, Block block, int head) {}

  /** Sums over tokens. */
  private static final class Total {
    private double share;
    private int active;
  }

  /** The components of a layer that add to a token, by their edges. */
  private record Added(Component component, double share, boolean active) {}

  /**
   * Measures the components of a model in texts; memory grows with the longest text. The first
   * token of a text is not included, since its heads can attend to nothing else.
   *
   * @param texts of at least two tokens each
   * @param threshold of active edges, 0 to 1
   * @return in the order of a forward pass
   * @throws InvalidInputException if the model is not supported, as by {@link FlowRoutes}
   */
  public static List<FlowImportance> of(Lens lens, List<int[]> texts, double threshold) {
    FlowRoutes.requireThreshold(threshold);
    for (int[] tokens : texts) {
      Preconditions.require(
          tokens.length > 1, "text", tokens.length + " tokens", "must have at least 2 tokens");
    }
    HookMap hooks = HookMap.of(lens.model());
    FlowLayer.require(lens.model(), hooks);
    Map<Component, Total> totals = new LinkedHashMap<>();
    for (int[] tokens : texts) {
      try (ActivationCache cache = lens.run(tokens, FlowLayer.capture(lens))) {
        for (int l = 0; l < lens.model().architecture().layers(); l++) {
          var layer = new FlowLayer(lens, hooks, cache, l);
          IntStream.range(1, tokens.length)
              .parallel()
              .mapToObj(i -> added(layer, i, threshold))
              .toList()
              .forEach(
                  token ->
                      token.forEach(
                          part -> {
                            Total total = totals.computeIfAbsent(part.component, c -> new Total());
                            total.share += part.share;
                            total.active += part.active ? 1 : 0;
                          }));
        }
      }
    }
    double tokens = texts.stream().mapToInt(text -> text.length - 1).sum();
    List<FlowImportance> all = new ArrayList<>();
    totals.forEach(
        (c, total) ->
            all.add(
                new FlowImportance(
                    c.layer, c.block, c.head, total.share / tokens, total.active / tokens)));
    return all;
  }

  /** Returns the components that add to a token, in order. */
  private static List<Added> added(FlowLayer layer, int i, double threshold) {
    Stream<Edge> edges =
        layer.hasMid()
            ? Stream.concat(layer.intoMid(i).stream(), layer.intoPost(i).stream())
            : layer.intoPost(i).stream();
    Map<Component, Added> parts = new LinkedHashMap<>();
    edges
        .filter(edge -> edge.block() != Block.RESIDUAL)
        .forEach(
            edge -> {
              var component = new Component(edge.layer(), edge.block(), edge.head());
              parts.merge(
                  component,
                  new Added(component, edge.share(), edge.share() > threshold),
                  (a, b) -> new Added(component, a.share + b.share, a.active || b.active));
            });
    return List.copyOf(parts.values());
  }

  /** Returns the name of the component: {@code L3.H7}, {@code L3.mlp}. */
  public String name() {
    return FlowRoutes.name(layer, block, head);
  }
}
