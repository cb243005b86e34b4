package dev.vidrio.cli.lens.circuit;

import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.lens.circuit.CircuitAblation;
import dev.vidrio.lens.circuit.CircuitLevel;
import dev.vidrio.lens.circuit.EdgeScoring;
import dev.vidrio.lens.circuit.EdgeScoring.Method;
import dev.vidrio.lens.circuit.EdgeScoring.Rule;
import dev.vidrio.lens.circuit.LearnedMask;
import dev.vidrio.lens.circuit.MaskGates;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of a method that scores edges. */
public final class ScoringOption {
  /** The share of components that learned gates keep by default. */
  private static final double NODES = 0.2;

  @Option(
      names = "--method",
      paramLabel = "METHOD",
      description = {
        "${COMPLETION-CANDIDATES}. Default: eap_ig_inputs, or eap with --steps 0.",
        "exact runs the model without each edge; eap_ig_activations takes N gradients for each"
            + " layer; masks learns gates of edges or components, which keep the prediction (edge"
            + " pruning), ugs those of uniform gradient sampling."
      })
  private @Nullable Method method;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description =
          "Gradients to average between the texts (EAP-IG); 0: only that of the clean text (EAP)."
              + " With masks and ugs, the steps of training. Default: 5, or 200 with masks and"
              + " ugs.")
  private @Nullable Integer steps;

  @Option(
      names = "--keep",
      paramLabel = "SHARE",
      description =
          "With masks and ugs, the share of gates that stay open. Default: 0.05, or 0.2 of nodes.")
  private @Nullable Double keep;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "With masks and ugs, the seed of the gates.")
  private @Nullable Long seed;

  @Option(
      names = "--rule",
      paramLabel = "RULE",
      defaultValue = "midpoint",
      description =
          "Where the gradients are taken: midpoint, of N equal intervals; eap_ig, at k/N as the"
              + " program EAP-IG does.")
  private Rule rule = Rule.MIDPOINT;

  @Option(
      names = "--ablation",
      paramLabel = "ABLATION",
      defaultValue = "patch",
      description =
          "What an edge carries if it is ablated: patch, its value of the corrupted text; mean, the"
              + " mean over all tokens of the clean texts; zero; optimal, in 'lens curve' and with"
              + " masks and ugs, constants that are trained for each circuit over the clean texts;"
              + " use many texts.")
  private CircuitAblation ablation = CircuitAblation.PATCH;

  /** Returns whether a method is given. */
  boolean isGiven() {
    return method != null;
  }

  /** Returns the method and its parameters. */
  EdgeScoring scoring() {
    boolean noStep = steps != null && steps == 0;
    Method chosen = method != null ? method : noStep ? Method.EAP : Method.EAP_IG_INPUTS;
    int otherwise =
        chosen.gates() == null ? EdgeScoring.STEPS : LearnedMask.Options.DEFAULT.steps();
    int given = steps == null ? otherwise : steps;
    int count = chosen == Method.EAP ? Math.max(1, given) : given;
    if (chosen.gates() == null && (keep != null || seed != null)) {
      throw new UsageException(
          (keep == null ? "--seed" : "--keep") + ": requires --method masks or ugs");
    }
    return OptionValues.of(() -> new EdgeScoring(chosen, count, rule, scored(chosen)));
  }

  /** Returns the options of learned masks. */
  LearnedMask.Options mask(CircuitLevel level) {
    LearnedMask.Options defaults = LearnedMask.Options.DEFAULT;
    EdgeScoring scoring = scoring();
    MaskGates gates = Objects.requireNonNull(scoring.method().gates());
    double otherwise = level == CircuitLevel.NODE ? NODES : defaults.keep();
    return OptionValues.of(
        () ->
            new LearnedMask.Options(
                gates,
                level,
                scoring.ablation(),
                keep == null ? otherwise : keep,
                scoring.steps(),
                defaults.rate(),
                seed == null ? 0 : seed));
  }

  /**
   * Returns what edges carry when they are scored. Optimal constants are those of a circuit, which
   * only learned gates have.
   */
  private CircuitAblation scored(Method chosen) {
    return ablation == CircuitAblation.OPTIMAL && chosen.gates() == null
        ? CircuitAblation.PATCH
        : ablation;
  }

  /** Returns what ablated edges carry. */
  CircuitAblation ablation() {
    return ablation;
  }

  /** Returns the method in words: {@code eap_ig_inputs (5 gradients, midpoint)}. */
  String describe(CircuitLevel level) {
    EdgeScoring scoring = scoring();
    return switch (scoring.method()) {
      case MASKS, UGS ->
          String.format(
              "%s (%d steps, %.3g %% kept)",
              scoring.method().label(), scoring.steps(), 100 * mask(level).keep());
      case EAP_IG_INPUTS, EAP_IG_ACTIVATIONS ->
          String.format(
              "%s (%d gradients, %s)",
              scoring.method().label(), scoring.steps(), scoring.rule().label());
      default -> scoring.method().label();
    };
  }
}
