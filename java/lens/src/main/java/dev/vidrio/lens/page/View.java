package dev.vidrio.lens.page;

/** A picture on a {@link Page}. Its record components are the JSON that the page's script draws. */
public sealed interface View
    permits AttentionView,
        Grid,
        Bars,
        TokenValues,
        CircuitView,
        GraphView,
        RoutesView,
        Scatter,
        FeatureTable,
        FeatureCards {
  /** Returns the heading. */
  String title();

  /** Returns a sentence that explains the picture. */
  String note();
}
