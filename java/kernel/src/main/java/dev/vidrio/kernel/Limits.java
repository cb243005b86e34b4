package dev.vidrio.kernel;

import dev.vidrio.kernel.op.Rows;

/**
 * The sizes that an executable plan supports.
 *
 * @param tokens tokens of a step
 * @param logits rows of a step that may ask for logits
 * @param sequences sequences of a step
 * @param positions positions of a sequence, the context
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

  /** Entries of a row of the block tables. */
  public int blocksPerSequence() {
    return KvCache.blocksFor(positions);
  }

  /** Room for rows of this kind. */
  public int rows(Rows rows) {
    return rows == Rows.TOKENS ? tokens : logits;
  }

  private static void require(String name, int value) {
    if (value <= 0) {
      throw new IllegalArgumentException("limit of " + name + " " + value + " is not positive");
    }
  }
}
