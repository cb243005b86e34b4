package dev.vidrio.kernel.op;

/** The number of rows that a buffer has in a step. */
public enum Rows {
  /** One row per token of the batch. */
  TOKENS,
  /** One row per token for which logits are requested. */
  LOGITS
}
