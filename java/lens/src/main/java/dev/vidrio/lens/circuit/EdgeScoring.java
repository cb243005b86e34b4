package dev.vidrio.lens.circuit;

import dev.vidrio.lens.resolve.Preconditions;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A method that scores the edges of a {@link ComponentGraph}, with its parameters. The names are
 * those of the program EAP-IG and of the benchmark MIB (Mueller et al. 2025, arXiv 2504.13151).
 *
 * @param method the method
 * @param steps m, the number of gradients of methods that integrate, or of steps of training
 * @param rule the points of these gradients
 * @param ablation what an edge carries when it is ablated; methods with gradients between the two
 *     texts support {@link CircuitAblation#PATCH} only, and only those that learn gates support
 *     {@link CircuitAblation#OPTIMAL}
 * @see EdgeAttribution
 */
public record EdgeScoring(Method method, int steps, Rule rule, CircuitAblation ablation) {
  /** A scoring method. */
  public enum Method {
    /** Edge attribution patching: the gradient of the clean run (Syed et al. 2023). */
    EAP,
    /** The mean gradient over inputs between the two texts (Hanna et al. 2024). */
    EAP_IG_INPUTS,
    /**
     * The mean gradient over runs in which the output of one layer's attention, of one feed-forward
     * block or of the embedding is between its values of the two runs (Marks et al. 2024, arXiv
     * 2403.19647). Costs m runs per layer.
     */
    EAP_IG_ACTIVATIONS,
    /** The mean of the gradients of the clean and the corrupted run. */
    CLEAN_CORRUPTED,
    /**
     * Information flow routes between components (Ferrando and Voita 2024, arXiv 2403.00824): the
     * share of a source in the stream that the destination reads, {@code max(0, ‖y‖₁ − ‖y − z‖₁)}
     * divided by its sum over sources; the mean over the tokens of the clean texts. Needs no
     * gradient, metric or corrupted text.
     */
    INFORMATION_FLOW_ROUTES,
    /**
     * Learned gates, {@link LearnedMask}, hard concrete as in edge pruning; the number of steps is
     * that of training. The metric has no influence.
     */
    MASKS,
    /** As {@link #MASKS}, with the gates of uniform gradient sampling. */
    UGS,
    /** The change of the metric if the edge alone is ablated: a run per edge. */
    EXACT;

    /** Returns the name on the command line. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** Returns the gates that the method learns, or null if it learns none. */
    public @Nullable MaskGates gates() {
      return switch (this) {
        case MASKS -> MaskGates.HARD_CONCRETE;
        case UGS -> MaskGates.UNIFORM;
        default -> null;
      };
    }
  }

  /** The points k of integrated gradients, as fractions of the way from clean to corrupted. */
  public enum Rule {
    /**
     * The midpoints of m equal intervals, {@code (k − ½) / m} for k = 1 … m. Its error falls with
     * the square of m.
     */
    MIDPOINT,
    /**
     * The ends of the intervals in the program EAP-IG: {@code k / m} for k = 1 … m, which includes
     * the corrupted text and not the clean one. For {@link Method#EAP_IG_ACTIVATIONS} they are
     * {@code (k − 1) / m}, as in that program. The error falls with m.
     */
    EAP_IG;

    /** Returns the name on the command line. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** The number of gradients of {@link #DEFAULT}. */
  public static final int STEPS = 5;

  /** EAP-IG over inputs at 5 midpoints. */
  public static final EdgeScoring DEFAULT = integrated(STEPS);

  /** Edge attribution patching. */
  public static final EdgeScoring EAP = new EdgeScoring(Method.EAP, 1, Rule.MIDPOINT);

  /** Rejects a number of steps below 1, and ablations that the method does not support. */
  public EdgeScoring {
    Preconditions.requirePositive("steps", steps);
    Preconditions.require(
        ablation != CircuitAblation.OPTIMAL || method.gates() != null,
        "ablation",
        ablation.label(),
        "must be patch, mean or zero: optimal constants are those of a circuit");
    Preconditions.require(
        ablation == CircuitAblation.PATCH || !runsBetween(method),
        "ablation",
        ablation.label(),
        "must be patch for " + method.label() + ", since its runs are between the two texts");
  }

  /** Returns whether a method has gradients of runs other than that of the clean text. */
  private static boolean runsBetween(Method method) {
    return switch (method) {
      case EAP, INFORMATION_FLOW_ROUTES, MASKS, UGS, EXACT -> false;
      case EAP_IG_INPUTS, EAP_IG_ACTIVATIONS, CLEAN_CORRUPTED -> true;
    };
  }

  /** Returns whether scores are products of gradients of the metric. */
  boolean hasGradients() {
    return method == Method.EAP || runsBetween(method);
  }

  /** Creates a scoring with patched values. */
  public EdgeScoring(Method method, int steps, Rule rule) {
    this(method, steps, rule, CircuitAblation.PATCH);
  }

  /** Returns EAP-IG over inputs at midpoints. */
  public static EdgeScoring integrated(int steps) {
    return new EdgeScoring(Method.EAP_IG_INPUTS, steps, Rule.MIDPOINT);
  }

  /** Returns the points of the gradients, as fractions of the way from clean to corrupted. */
  double[] parts() {
    var parts = new double[steps];
    for (int k = 0; k < steps; k++) {
      parts[k] =
          switch (rule) {
            case MIDPOINT -> (k + 0.5) / steps;
            case EAP_IG -> (method == Method.EAP_IG_ACTIVATIONS ? k : k + 1.0) / steps;
          };
    }
    return parts;
  }

  /** Returns whether rows before the first difference of a pair's texts have no influence. */
  boolean skipsPrefix() {
    return ablation == CircuitAblation.PATCH && method != Method.INFORMATION_FLOW_ROUTES;
  }
}
