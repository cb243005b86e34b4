package dev.vidrio.lens.page;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A table of the features of a dictionary, which the reader searches and sorts.
 *
 * @param rows in the order of features
 */
public record FeatureTable(String title, String note, List<Row> rows) implements View {
  /**
   * A feature.
   *
   * @param feature its number
   * @param page the file with its details
   * @param density the fraction of active tokens
   * @param max the largest activation
   * @param active tokens with the largest activations
   * @param promoted tokens with the logits that it raises most
   * @param explanation in words; empty for none
   * @param detection balanced accuracy of the explanation; null if it is not measured
   * @param fuzzing balanced accuracy of the explanation; null if it is not measured
   */
  public record Row(
      int feature,
      String page,
      double density,
      double max,
      List<String> active,
      List<String> promoted,
      String explanation,
      @Nullable Double detection,
      @Nullable Double fuzzing) {
    public Row {
      active = List.copyOf(active);
      promoted = List.copyOf(promoted);
    }
  }

  public FeatureTable {
    rows = List.copyOf(rows);
  }
}
