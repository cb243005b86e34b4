package dev.vidrio.lens;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.List;

/**
 * Statistics of activations over a text of any length, gathered on the worker threads during the
 * forward pass without keeping the activations. Each point takes 24 bytes per element of a row; per
 * token it takes 4 bytes for the norm and 8 for each of the largest elements.
 *
 * {@snippet file="LensExamplesTest.java" region="statistics"}
 *
 * @param points statistics per hook point, in the order of a forward pass
 * @param bytes off-heap memory used, without that of the model
 */
public record ActivationStatistics(List<PointStatistics> points, long bytes) {
  /**
   * Selects what to gather in addition to the statistics of columns.
   *
   * @param window tokens per forward pass; longer texts are split. 0 selects the context length of
   *     the model, at most 4096
   * @param norms whether to keep the L2 norm of each row
   * @param top number of largest elements of each row to keep, with their columns
   */
  public record Options(int window, boolean norms, int top) {
    /** Gathers norms. */
    public static final Options DEFAULT = new Options(0, true, 0);

    public Options {
      Preconditions.require(window >= 0, "window", window, "must not be negative");
      Preconditions.requireRange("top", top, 0, Op.TopK.MAX);
    }
  }

  public ActivationStatistics {
    points = List.copyOf(points);
  }

  /**
   * Runs a text and gathers statistics.
   *
   * @param tokens at least one; BOS is not added
   * @param hooks patterns as in {@link Capture#hooks}; points that the plan does not write are
   *     skipped if the pattern also selects others
   * @throws InvalidInputException if a pattern selects no such point, or the model does not support
   *     the tokens
   */
  public static ActivationStatistics of(Lens lens, int[] tokens, String hooks, Options options) {
    Preconditions.require(tokens.length != 0, "text", "0 tokens", "must have at least 1 token");
    try (var run = new StatisticsRun(lens, tokens.length, hooks, options)) {
      run.feed(tokens);
      return run.result();
    }
  }
}
