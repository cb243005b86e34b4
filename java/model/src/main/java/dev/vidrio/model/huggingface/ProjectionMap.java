package dev.vidrio.model.huggingface;

import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.IntToDoubleFunction;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Collects the GGUF names of modules of transformers without a checkpoint, from mappings; experts
 * and norms are ignored.
 */
final class ProjectionMap implements TensorMap {
  private static final String WEIGHT = ".weight";

  /**
   * The weights of a module.
   *
   * @param tensor name of the tensor in GGUF
   * @param rows number of rows if their order differs, otherwise 0
   * @param source the module's row of each row, or null if the order is equal
   */
  record Projection(String tensor, int rows, @Nullable IntUnaryOperator source) {}

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
  public void take(String from, String to) {
    if (from.endsWith(WEIGHT)) {
      put(from.substring(0, from.length() - WEIGHT.length()), to, 0, null);
    }
  }

  private void put(String module, String tensor, int rows, @Nullable IntUnaryOperator source) {
    projections.put(module, new Projection(tensor, rows, source));
  }

  @Override
  public void takeOptional(String from, String to) {}

  @Override
  public void takeRows(String from, String to, int rows, IntUnaryOperator source) {
    put(from, to + WEIGHT, rows, source);
  }

  /** Ignored: factors of a transposed matrix are not transposed. */
  @Override
  public void takeTransposed(String from, String to) {
    put(from, to + WEIGHT, 0, null);
  }

  @Override
  public void takeRows(String from, String to, int rows, int n, IntUnaryOperator source) {
    if (from.endsWith(WEIGHT) && rows == n) {
      put(from.substring(0, from.length() - WEIGHT.length()), to, rows, source);
    }
  }

  /** Ignored: factors of a scaled matrix would have to be scaled too. */
  @Override
  public void takeScaled(String from, String to, int rows, IntToDoubleFunction factor) {}

  @Override
  public void takeOrderedColumns(String from, String to, int columns, IntUnaryOperator source) {}

  @Override
  public void takeKernels(String from, String to, int d, IntUnaryOperator source) {}

  @Override
  public void takeRates(String from, String to, int n, IntUnaryOperator source) {}

  @Override
  public void takeRates(String from, String to, int n) {}

  @Override
  public void takeSoftplusRates(String from, String to, int n, double factor) {}

  @Override
  public void takeFolded(String from, String to, int n, int k) {}

  @Override
  public void takePlusOne(String from, String to) {}

  @Override
  public void takeStacked(String pattern, int count, String to) {}

  @Override
  public void takeSplit(String from, int count, String to) {}

  @Override
  public void takeSplitColumns(String from, int count, String to) {}

  @Override
  public void takeHalves(String from, String upper, String lower) {}

  @Override
  public void takeHeads(String from, int heads, int first, String transposed, String others) {}

  @Override
  public void takeColumns(String from, String to, int first, int step) {}

  @Override
  public void takeColumnHalves(String from, String left, String right) {}

  @Override
  public void takeElements(String from, String to, int first, int step) {}

  @Override
  public void takeMxfp4(String from, String to, int first, int step) {}

  @Override
  public void addVector(String to, float[] values) {}

  @Override
  public void ignore(String from) {}

  @Override
  public void ignoreAll(String prefix) {}
}
