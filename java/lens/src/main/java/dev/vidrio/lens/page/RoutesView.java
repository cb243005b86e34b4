package dev.vidrio.lens.page;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.attribute.FlowRoutes;
import dev.vidrio.lens.attribute.FlowRoutes.Edge;
import dev.vidrio.model.Model;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Information flow routes on a plane of tokens and layers, with a slider for the threshold.
 *
 * @param tokens the text up to the predicted position
 * @param threshold the first position of the slider
 * @param edges by their targets from the top, each with a share above some lower threshold
 */
public record RoutesView(
    String title, String note, List<String> tokens, double threshold, List<Arc> edges)
    implements View {
  /** Maximum number of edges on a page: about 6 MB of HTML. */
  private static final int MAX_EDGES = 50_000;

  /**
   * An edge. Row 0 is the embedding, row 2 l + 1 the stream in the middle of layer l, row 2 l + 2
   * that at its end.
   *
   * @param name of the block, such as {@code L3.H7}
   * @param kind {@code residual}, {@code head}, {@code attention_bias} or {@code edit}, which come
   *     from no token, or another block's
   * @param from the token that is read
   * @param low its row
   * @param to the token that is added to
   * @param high its row
   */
  public record Arc(String name, String kind, int from, int low, int to, int high, double share) {
    private static Arc of(Edge edge) {
      int row = 2 * edge.layer();
      return new Arc(
          edge.name(),
          edge.block().name().toLowerCase(Locale.ROOT),
          edge.from(),
          edge.read() == HookSite.RESID_PRE ? row : row + 1,
          edge.to(),
          edge.into() == HookSite.RESID_MID ? row + 1 : row + 2,
          edge.share());
    }
  }

  public RoutesView {
    tokens = List.copyOf(tokens);
    edges = List.copyOf(edges);
  }

  /**
   * Returns the view of routes.
   *
   * @param threshold the first position of the slider, which begins at the threshold of the routes
   * @throws InvalidInputException if there are too many edges for a page
   */
  public static RoutesView of(Model model, int[] tokens, FlowRoutes routes, double threshold) {
    if (routes.edges().size() > MAX_EDGES) {
      throw new InvalidInputException(
          "threshold",
          Double.toString(routes.threshold()),
          routes.edges().size() + " edges; a page holds at most " + MAX_EDGES);
    }
    return new RoutesView(
        "Information flow routes",
        "The prediction after the last token, at the top, comes from the streams below it. Each"
            + " layer has a row after attention and one at its end. Lines: gray is the token's own"
            + " stream, red are heads, dashed blue are other blocks; a wider line has a larger"
            + " share. The slider hides edges with smaller shares, and what only they lead to.",
        Arrays.stream(tokens)
            .limit(routes.position() + 1L)
            .mapToObj(model.tokenizer()::piece)
            .toList(),
        threshold,
        routes.edges().stream().map(Arc::of).toList());
  }
}
