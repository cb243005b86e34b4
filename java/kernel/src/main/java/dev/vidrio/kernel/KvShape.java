package dev.vidrio.kernel;

/**
 * The shape of a model's key-value cache.
 *
 * @param layers layers with attention
 * @param heads H_kv, key-value heads
 * @param dH d_h, elements of a head
 */
public record KvShape(int layers, int heads, int dH) {
  public KvShape {
    if (layers <= 0 || heads <= 0 || dH <= 0) {
      throw new IllegalArgumentException(
          "cache of " + layers + " layers, " + heads + " heads of " + dH + " is empty");
    }
  }

  /** Elements of the keys (or values) of one position in one layer. */
  public int width() {
    return heads * dH;
  }

  /** Bytes of one position in all layers, keys and values. */
  public long bytesPerPosition(KvType type) {
    return 2L * layers * heads * type.bytes(dH);
  }
}
