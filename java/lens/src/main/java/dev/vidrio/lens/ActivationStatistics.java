package dev.vidrio.lens;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.op.Op;
import java.util.List;

/**
 * Statistics of activations over a text of any length, gathered on the worker threads while the
 * model runs, without keeping the activations. For each point they take 24 bytes per element of a
 * row, and per token 4 bytes for its norm and 8 for each of its greatest elements.
 *
 * {@snippet file="LensExamplesTest.java" region="statistics"}
 *
 * @param points statistics per hook point, in the order of a forward pass
 * @param bytes off-heap memory used, without the model's own
 */
public record ActivationStatistics(List<PointStatistics> points, long bytes) {
  /**
   * What to gather beside the statistics of columns.
   *
   * @param window tokens that the model reads together; longer texts are cut. 0: as many as the
   *     model was made for, but 4096 at most
   * @param norms whether to keep the norm of each row
   * @param top greatest elements to keep of each row, with their columns
   */
  public record Options(int window, boolean norms, int top) {
    /** Norms. */
    public static final Options DEFAULT = new Options(0, true, 0);

    public Options {
      if (window < 0) {
        throw new InvalidInputException("window", Integer.toString(window), "must not be negative");
      }
      if (top < 0 || top > Op.TopK.MAX) {
        throw new InvalidInputException(
            "top", Integer.toString(top), "must be 0 to " + Op.TopK.MAX);
      }
    }
  }

  public ActivationStatistics {
    points = List.copyOf(points);
  }

  /**
   * Runs a text.
   *
   * @param tokens used as they are, at least one
   * @param hooks names as in {@link Capture#hooks}; of points that the plan writes, others are left
   *     out where a pattern means both
   * @throws InvalidInputException when a name means no such point, or the model cannot take the
   *     tokens
   */
  public static ActivationStatistics of(Lens lens, int[] tokens, String hooks, Options options) {
    if (tokens.length == 0) {
      throw new InvalidInputException("text", "0 tokens", "must have one at least");
    }
    try (var run = new StatisticsRun(lens, tokens.length, hooks, options)) {
      run.feed(tokens);
      return run.result();
    }
  }
}
