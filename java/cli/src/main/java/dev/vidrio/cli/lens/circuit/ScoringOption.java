package dev.vidrio.cli.lens.circuit;

import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.lens.circuit.CircuitAblation;
import dev.vidrio.lens.circuit.EdgeScoring;
import dev.vidrio.lens.circuit.EdgeScoring.Method;
import dev.vidrio.lens.circuit.EdgeScoring.Rule;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of a method that scores edges. */
public final class ScoringOption {
  @Option(
      names = "--method",
      paramLabel = "METHOD",
      description = {
        "${COMPLETION-CANDIDATES}. Default: eap_ig_inputs, or eap with --steps 0.",
        "exact runs the model without each edge; eap_ig_activations takes N gradients for each"
            + " layer."
      })
  private @Nullable Method method;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description =
          "Gradients to average between the texts (EAP-IG); 0: only that of the clean text (EAP).")
  private int steps = EdgeScoring.STEPS;

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
              + " mean over all tokens of the clean texts; zero.")
  private CircuitAblation ablation = CircuitAblation.PATCH;

  /** Returns the method and its parameters. */
  EdgeScoring scoring() {
    Method chosen = method != null ? method : steps == 0 ? Method.EAP : Method.EAP_IG_INPUTS;
    int count = chosen == Method.EAP ? Math.max(1, steps) : steps;
    return OptionValues.of(() -> new EdgeScoring(chosen, count, rule, ablation));
  }

  /** Returns what ablated edges carry. */
  CircuitAblation ablation() {
    return ablation;
  }

  /** Returns the method in words: {@code eap_ig_inputs (5 gradients, midpoint)}. */
  static String describe(EdgeScoring scoring) {
    return switch (scoring.method()) {
      case EAP_IG_INPUTS, EAP_IG_ACTIVATIONS ->
          String.format(
              "%s (%d gradients, %s)",
              scoring.method().label(), scoring.steps(), scoring.rule().label());
      default -> scoring.method().label();
    };
  }
}
