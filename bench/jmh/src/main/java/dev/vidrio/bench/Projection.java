package dev.vidrio.bench;

/** The matrices [N, K] of a block, and the unembedding. */
public enum Projection {
  ATTN_Q,
  /** Keys; values have the same shape. */
  ATTN_K,
  ATTN_OUTPUT,
  /** Up; the gate has the same shape. */
  FFN_UP,
  FFN_DOWN,
  UNEMBED;

  /** Returns N, the outputs. */
  int n(Shape shape) {
    return switch (this) {
      case ATTN_Q -> shape.qWidth();
      case ATTN_K -> shape.kvWidth();
      case ATTN_OUTPUT, FFN_DOWN -> shape.d();
      case FFN_UP -> shape.dFfn();
      case UNEMBED -> shape.vocabulary();
    };
  }

  /** Returns K, the inputs. */
  int k(Shape shape) {
    return switch (this) {
      case ATTN_Q, ATTN_K, FFN_UP, UNEMBED -> shape.d();
      case ATTN_OUTPUT -> shape.qWidth();
      case FFN_DOWN -> shape.dFfn();
    };
  }
}
