package dev.vidrio.kernel.op;

/** How many rows a buffer has in a step. */
public enum Rows {
  /** One per token of the batch. */
  TOKENS,
  /** One per token whose logits are asked for. */
  LOGITS
}
