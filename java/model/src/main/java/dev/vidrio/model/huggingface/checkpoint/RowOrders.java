package dev.vidrio.model.huggingface.checkpoint;

import java.util.function.IntUnaryOperator;

/** Orders of rows that differ between GGUF files and checkpoints of transformers. */
public final class RowOrders {
  private RowOrders() {}

  /**
   * Returns the order of rows of a query or key projection that makes RoPE pairs adjacent: the
   * checkpoint pairs element i of a head with i + d_h/2, GGUF files of some architectures 2i with
   * 2i + 1.
   *
   * @return the checkpoint's row of each row
   */
  public static IntUnaryOperator interleavedPairs(int dH) {
    return row -> row / dH * dH + row % dH / 2 + row % 2 * (dH / 2);
  }

  /**
   * Returns the order of rows of a fused projection that puts all queries first, then all keys,
   * then all values; the checkpoint has, per key-value head, its queries, its key and its value.
   *
   * @return the checkpoint's row of each row
   */
  public static IntUnaryOperator queriesThenKeysThenValues(int heads, int kvHeads, int dH) {
    int group = heads / kvHeads;
    return row -> {
      int head = row / dH;
      int kvHead = head < heads ? head / group : (head - heads) % kvHeads;
      int place = head < heads ? head % group : group + (head - heads) / kvHeads;
      return (kvHead * (group + 2) + place) * dH + row % dH;
    };
  }

  /**
   * Returns the order that takes some rows of each head.
   *
   * @param first first row of a head that is taken
   * @param n rows that are taken per head
   * @param stride rows per head
   * @return the checkpoint's row of each row
   */
  public static IntUnaryOperator rowsOfHeads(int first, int n, int stride) {
    return row -> row / n * stride + first + row % n;
  }

  /**
   * Returns the order of rows of value heads that interleaves key heads; the checkpoint has the
   * value heads of a key head adjacent.
   *
   * @param keyHeads number of key heads
   * @param heads number of value heads
   * @param n rows of a value head
   * @return the checkpoint's row of each row
   */
  public static IntUnaryOperator tiledHeads(int keyHeads, int heads, int n) {
    return row -> {
      int head = row / n;
      return (head % keyHeads * (heads / keyHeads) + head / keyHeads) * n + row % n;
    };
  }
}
