package dev.vidrio.lens.decode.sae;

import dev.vidrio.lens.resolve.Preconditions;
import java.util.List;

/**
 * The kind of a dictionary that is trained: how few of its features are active, and the losses in
 * addition to {@code ‖z − ẑ‖²}, of scaled activations. They are those of SAELens, which takes equal
 * steps in training (docs/lens/conformance.md).
 *
 * @see "docs/lens/training.md"
 */
public sealed interface SaeKind {
  /**
   * ReLU with a penalty, {@code α Σ h ‖d‖}, where h are values of features and d their decoders
   * (Bricken et al. 2023; norms since Anthropic's update of April 2024).
   *
   * @param penalty α, 0 or more
   */
  record Standard(double penalty) implements SaeKind {
    public Standard {
      Preconditions.requireNotNegative("penalty", penalty);
    }
  }

  /**
   * The k largest h ‖d‖ of each token (Gao et al. 2024, arXiv 2406.04093).
   *
   * @param k 1 or more
   */
  record TopK(int k) implements SaeKind {
    public TopK {
      Preconditions.requirePositive("k", k);
    }
  }

  /**
   * The k of each token with the largest |h| ‖d‖, where h may be negative: a feature has two
   * directions (Zhu et al. 2025, arXiv 2510.00404).
   *
   * @param k 1 or more
   */
  record AbsTopK(int k) implements SaeKind {
    public AbsTopK {
      Preconditions.requirePositive("k", k);
    }
  }

  /**
   * Matching pursuit by the decoder, which is the encoder too (Costa et al. 2025, arXiv
   * 2506.03093).
   *
   * @param k maximum number of steps for each token, 1 or more
   * @param residual norm of the residual below which the steps of a token stop, where activations
   *     are scaled to a mean norm of √d; 0 or more, 0 for none
   */
  record MatchingPursuit(int k, double residual) implements SaeKind {
    public MatchingPursuit {
      Preconditions.requirePositive("k", k);
      Preconditions.requireNotNegative("residual", residual);
    }
  }

  /**
   * The k · batch largest h ‖d‖ of a batch, in any of its tokens (Bussmann et al. 2024, arXiv
   * 2412.06410). Results are JumpReLU with a common threshold.
   *
   * @param k 1 or more
   */
  record BatchTopK(int k) implements SaeKind {
    public BatchTopK {
      Preconditions.requirePositive("k", k);
    }
  }

  /**
   * BatchTopK with the losses of prefixes of the features in addition, so that the first features
   * are the most general (Bussmann et al. 2025, arXiv 2503.17547).
   *
   * @param k 1 or more
   * @param widths numbers of features of the prefixes, ascending; all features are one in any case
   */
  record Matryoshka(int k, List<Integer> widths) implements SaeKind {
    public Matryoshka {
      Preconditions.requirePositive("k", k);
      widths = List.copyOf(widths);
      int last = 0;
      for (int width : widths) {
        Preconditions.require(
            width > last, "widths", widths, "must be 1 or more and ascending, such as 64,256");
        last = width;
      }
      Preconditions.require(last > 0, "widths", "", "are missing; such as 64,256");
    }
  }

  /**
   * Gates select features, and magnitudes have another bias and scale (Rajamanoharan et al. 2024,
   * arXiv 2404.16014). Gates π learn by {@code α Σ ReLU(π) ‖d‖} and by a reconstruction from
   * ReLU(π).
   *
   * @param penalty α, 0 or more
   */
  record Gated(double penalty) implements SaeKind {
    public Gated {
      Preconditions.requireNotNegative("penalty", penalty);
    }
  }

  /** The penalty of {@link JumpRelu}. */
  enum ActivityPenalty {
    /** The number of active features (Rajamanoharan et al. 2024). */
    STEP,
    /** {@code Σ tanh(c h ‖d‖)} (Anthropic's update of January 2025). */
    TANH,
    /** {@code 2/T (n − T)²}, where n features are active (Gemma Scope 2). */
    QUADRATIC
  }

  /**
   * Values above a threshold of each feature, which is learned from the values near it by a
   * straight-through estimate (Rajamanoharan et al. 2024, arXiv 2407.14435).
   *
   * @param form of the penalty
   * @param penalty its coefficient, 0 or more
   * @param scale c of {@link ActivityPenalty#TANH}, above 0
   * @param target T of {@link ActivityPenalty#QUADRATIC}, above 0
   * @param threshold the first of all features, 0 or more
   * @param bandwidth of the window around a threshold, above 0
   * @param preActivations coefficient of {@code Σ ReLU(θ − pre) ‖d‖} of dead features, by which
   *     they become active, 0 or more
   * @param trainsEncoder whether estimates are gradients of pre-activations too, as in Anthropic's
   *     update, or of thresholds only
   */
  record JumpRelu(
      ActivityPenalty form,
      double penalty,
      double scale,
      double target,
      double threshold,
      double bandwidth,
      double preActivations,
      boolean trainsEncoder)
      implements SaeKind {
    /** Steps, with a penalty of 1, a bandwidth of 0.05 and thresholds of 0.01. */
    public static final JumpRelu DEFAULT =
        new JumpRelu(ActivityPenalty.STEP, 1, 4, 16, 0.01, 0.05, 0, false);

    public JumpRelu {
      Preconditions.requireNotNegative("penalty", penalty);
      Preconditions.requirePositive("scale of tanh", scale);
      Preconditions.requirePositive("target of active features", target);
      Preconditions.requireNotNegative("threshold", threshold);
      Preconditions.requirePositive("bandwidth", bandwidth);
      Preconditions.requireNotNegative("penalty of pre-activations", preActivations);
    }
  }

  /** Returns whether the decoder is the encoder too. */
  default boolean isTied() {
    return this instanceof MatchingPursuit;
  }

  /** Returns whether SAELens has a format for transcoders of this kind. */
  default boolean hasTranscoders() {
    return switch (this) {
      case Standard _, BatchTopK _, Matryoshka _, JumpRelu _ -> true;
      case TopK _, AbsTopK _, MatchingPursuit _, Gated _ -> false;
    };
  }
}
