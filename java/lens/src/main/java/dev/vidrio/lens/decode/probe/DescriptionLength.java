package dev.vidrio.lens.decode.probe;

import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.List;

/**
 * The minimum description length of classes given activations, by the online code (Voita and Titov
 * 2020, arXiv 2003.12298): how many bits transmit the classes to a receiver who has the
 * activations? The examples are divided into blocks. The classes of the first block cost log₂ C
 * bits each; those of each later block cost −log₂ p under the probe of all blocks before it. A
 * short code shows that the classes are easy to learn, from few examples and by a simple probe,
 * which accuracy does not.
 *
 * <p>With m examples before a block, a class costs {@code −log₂ ((m p + 1/C) / (m + 1))}, so that a
 * class that has not occurred is not infinitely expensive.
 *
 * @param examples number of examples, n
 * @param classes number of classes, C
 * @param bits the length of the code
 * @param blocks the end of each block, and the mean bits per example in it
 * @see "docs/lens/probing.md"
 */
public record DescriptionLength(int examples, int classes, double bits, List<Block> blocks) {
  /** The ends of the blocks as fractions of the examples, as in the paper. */
  private static final double[] FRACTIONS = {
    0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.0625, 0.125, 0.25, 0.5, 1
  };

  /**
   * A block of the code.
   *
   * @param end the number of examples up to its end
   * @param bits mean bits per example
   */
  public record Block(int end, double bits) {}

  public DescriptionLength {
    blocks = List.copyOf(blocks);
  }

  /**
   * Computes the code of examples in their order, which should be random: {@link
   * Examples#shuffled}. The blocks end at 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.25, 12.5, 25, 50 and 100
   * percent; those of fewer than 2 C examples are joined.
   *
   * @param trainer fits probes with log-probabilities, such as {@link LinearProbe#logistic}
   * @throws dev.vidrio.error.InvalidInputException if there are fewer than 4 C examples
   */
  public static DescriptionLength of(Examples examples, Probe.Trainer trainer) {
    int n = examples.size();
    int classes = examples.classes();
    Preconditions.require(
        n >= 4 * classes, "examples", n, "must be at least 4 per class: " + 4 * classes);
    List<Block> blocks = new ArrayList<>();
    double bits = 0;
    int begin = 0;
    for (double fraction : FRACTIONS) {
      int end = (int) (fraction * n);
      if (end - begin < 2 * classes) {
        continue;
      }
      double own =
          begin == 0
              ? end * log2(classes)
              : bits(trainer.fit(examples.range(0, begin)), begin, examples.range(begin, end));
      blocks.add(new Block(end, own / (end - begin)));
      bits += own;
      begin = end;
    }
    return new DescriptionLength(n, classes, bits, blocks);
  }

  private static double bits(Probe probe, int before, Examples block) {
    double bits = 0;
    for (int i = 0; i < block.size(); i++) {
      double p = Math.exp(probe.logProbability(block.row(i), block.label(i)));
      bits -= log2((before * p + 1.0 / block.classes()) / (before + 1));
    }
    return bits;
  }

  private static double log2(double x) {
    return Math.log(x) / Math.log(2);
  }

  /** Returns the length of the code without activations, n log₂ C bits. */
  public double uniform() {
    return examples * log2(classes);
  }

  /** Returns how many times shorter the code is than the uniform one. */
  public double compression() {
    return uniform() / bits;
  }
}
