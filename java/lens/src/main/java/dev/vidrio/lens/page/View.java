package dev.vidrio.lens.page;

/** A picture on a {@link Page}. Its record components are the JSON that the page's script draws. */
public sealed interface View permits AttentionView, Grid, Bars, TokenValues, CircuitView {
  /** Its heading. */
  String title();

  /** A sentence that says how to read it. */
  String note();
}
