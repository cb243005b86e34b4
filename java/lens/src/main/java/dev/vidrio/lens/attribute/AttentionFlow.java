package dev.vidrio.lens.attribute;

import dev.vidrio.lens.Interruption;
import dev.vidrio.lens.numeric.MaximumFlow;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Attention flow (Abnar and Zuidema 2020, arXiv 2005.00928): the shares of input tokens in a
 * token's state by maximum flow, where {@linkplain ContextMixing#rolledOut rollout} multiplies the
 * layers. The states of all tokens after all layers are nodes. An edge from a state to one of the
 * layer before has the {@linkplain ContextMixing#share share} of that layer as its capacity. The
 * maximum flows from a state to each input token, divided by their sum, are the shares: the
 * narrowest layers on the way count, not the product of all.
 *
 * @see "docs/lens/attribution.md"
 */
public final class AttentionFlow {
  private AttentionFlow() {}

  /**
   * Returns the shares of the input tokens in the state of a token after a layer, [position + 1].
   *
   * @param mixing the shares of each layer, by any measure
   */
  public static double[] shares(ContextMixing mixing, int layer, int position) {
    int n = position + 1;
    var graph = new MaximumFlow((layer + 2) * n);
    for (int l = 0; l <= layer; l++) {
      for (int i = 0; i < n; i++) {
        for (int j = 0; j <= i; j++) {
          double share = mixing.share(l, i, j);
          if (share > 0) {
            graph.add((l + 1) * n + i, l * n + j, share);
          }
        }
      }
    }
    Interruption.check();
    int source = (layer + 1) * n + position;
    double[] flows =
        IntStream.range(0, n).parallel().mapToDouble(j -> graph.between(source, j)).toArray();
    double sum = Arrays.stream(flows).sum();
    return Arrays.stream(flows).map(flow -> flow / sum).toArray();
  }
}
