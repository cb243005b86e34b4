package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.RowOrders;
import java.util.function.IntUnaryOperator;

/**
 * The heads of Gated DeltaNet.
 *
 * @param keyHeads heads of queries and keys
 * @param heads heads of values
 * @param dK elements of a query or key
 * @param dV elements of a value
 */
record DeltaHeads(int keyHeads, int heads, int dK, int dV) {
  private static final String TAPS = "linear_conv_kernel_dim";
  private static final int MAX_HEADS = 4096;
  private static final int MAX_TAPS = 64;

  static DeltaHeads of(Config config) {
    String key = "linear_num_value_heads";
    int keyHeads = config.integer("linear_num_key_heads", 1, MAX_HEADS);
    int heads = config.integer(key, 1, MAX_HEADS);
    if (heads % keyHeads != 0) {
      throw config.error(
          key, Integer.toString(heads), "must be a multiple of linear_num_key_heads " + keyHeads);
    }
    int dK = config.integer("linear_key_head_dim", 1, KvShape.HEAD_MAX);
    int dV = config.integer("linear_value_head_dim", 1, KvShape.HEAD_MAX);
    return new DeltaHeads(keyHeads, heads, dK, dV);
  }

  /** Returns whether a layer has attention, by the types that the configuration must have. */
  static boolean attends(Config config, int layer) {
    return config
        .perLayer("layer_types", "linear_attention", "full_attention")
        .get(layer)
        .equals("full_attention");
  }

  int keyWidth() {
    return keyHeads * dK;
  }

  int valueWidth() {
    return heads * dV;
  }

  /** Returns the rows of queries, keys and values. */
  int width() {
    return 2 * keyWidth() + valueWidth();
  }

  /** Returns the order of GGUF's rows, n per value head. */
  IntUnaryOperator tiled(int n) {
    return RowOrders.tiledHeads(keyHeads, heads, n);
  }

  /** Returns an order that keeps queries and keys, and reorders values. */
  IntUnaryOperator before(IntUnaryOperator values) {
    int first = 2 * keyWidth();
    return row -> row < first ? row : first + values.applyAsInt(row - first);
  }

  /** Adds the dimensions. */
  void keys(Config config, MetadataBuilder out) {
    out.integer("ssm.conv_kernel", config.integer(TAPS, 1, MAX_TAPS))
        .integer("ssm.state_size", dK)
        .integer("ssm.group_count", keyHeads)
        .integer("ssm.time_step_rank", heads)
        .integer("ssm.inner_size", valueWidth());
  }
}
