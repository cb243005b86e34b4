package dev.vidrio.kernel;

import dev.vidrio.kernel.op.Rows;

/**
 * The sizes that an executable plan supports; all are positive.
 *
 * @param tokens maximum tokens of a step
 * @param logits maximum rows of a step whose logits are requested
 * @param sequences maximum sequences of a step
 * @param positions maximum positions of a sequence, the context length
 * @param vocabulary number of token ids
 */
public record Limits(int tokens, int logits, int sequences, int positions, int vocabulary) {
  public Limits {
    require("tokens", tokens);
    require("logits", logits);
    require("sequences", sequences);
    require("positions", positions);
    require("vocabulary", vocabulary);
  }

  /** Returns the number of entries of a row of the block tables. */
  public int blocksPerSequence() {
    return KvCache.blocksFor(positions);
  }

  /** Returns the maximum number of rows of this kind. */
  public int rows(Rows rows) {
    return rows == Rows.TOKENS ? tokens : logits;
  }

  private static void require(String name, int value) {
    if (value <= 0) {
      throw new IllegalArgumentException("limit of " + name + " " + value + " must be positive");
    }
  }
}
