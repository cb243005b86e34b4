package dev.vidrio.model.huggingface;

import dev.vidrio.model.huggingface.checkpoint.Layout;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Collects the GGUF names of modules of transformers without a checkpoint, from mappings. Layouts
 * that change more than the order of rows are ignored, as experts and norms are.
 */
final class ProjectionMap implements TensorMap {
  private static final String WEIGHT = ".weight";

  /**
   * The weights of a module.
   *
   * @param tensor name of the tensor in GGUF
   * @param order order of the rows of the tensor
   */
  record Projection(String tensor, Layout.RowOrder order) {}

  private final Map<String, Projection> projections = new LinkedHashMap<>();

  /** Returns the modules of a model by their names in transformers. */
  Map<String, Projection> projections() {
    return projections;
  }

  @Override
  public boolean has(String from) {
    return false;
  }

  @Override
  public void take(List<String> from, String to, Layout layout) {
    Layout.RowOrder order = layout.order();
    if (order != null && from.getFirst().endsWith(WEIGHT)) {
      String name = from.getFirst();
      projections.put(
          name.substring(0, name.length() - WEIGHT.length()), new Projection(to, order));
    }
  }

  @Override
  public void ignore(String from) {}

  @Override
  public void ignoreAll(String prefix) {}
}
