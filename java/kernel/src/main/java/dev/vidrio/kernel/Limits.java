package dev.vidrio.kernel;

import static dev.vidrio.kernel.argument.Arguments.require;

import dev.vidrio.kernel.op.Rows;

/**
 * The sizes that an executable plan supports; all are positive.
 *
 * @param tokens maximum tokens of a step
 * @param logits maximum rows of a step for which logits are requested
 * @param sequences maximum sequences of a step
 * @param positions maximum positions of a sequence, the context length
 * @param vocabulary number of token ids
 */
public record Limits(int tokens, int logits, int sequences, int positions, int vocabulary) {
  public Limits {
    requirePositive("tokens", tokens);
    requirePositive("logits", logits);
    requirePositive("sequences", sequences);
    requirePositive("positions", positions);
    requirePositive("vocabulary", vocabulary);
  }

  /** Returns the number of entries of a row of the block tables. */
  public int blocksPerSequence() {
    return KvCache.blocksFor(positions);
  }

  /** Returns the maximum number of rows of this kind. */
  public int rows(Rows rows) {
    return rows == Rows.TOKENS ? tokens : logits;
  }

  private static void requirePositive(String name, int value) {
    require(value > 0, "limit of " + name + " " + value + " must be positive");
  }
}
