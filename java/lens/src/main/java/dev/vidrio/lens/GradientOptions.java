package dev.vidrio.lens;

import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.lens.resolve.Preconditions;

/**
 * Options of a {@link GradientSession}. Hook points are given by patterns as in {@link
 * Capture#hooks}.
 *
 * @param hooks the activations to compute gradients for
 * @param seeds the activations that the metric is a function of
 * @param editable the points at which interventions are allowed
 * @param tokens maximum length of a text, with its prefix
 * @param logits number of positions, at the end of a text, to compute logits for
 * @param rules modifications of the exact gradient
 * @param recompute whether the backward pass recomputes activations block by block, which takes the
 *     memory of one layer instead of all
 * @param repeatable whether several backward passes may follow a forward pass, each from other
 *     seeds; what they read of the forward pass then stays in memory
 */
public record GradientOptions(
    String hooks,
    String seeds,
    String editable,
    int tokens,
    int logits,
    GradientRules rules,
    boolean recompute,
    boolean repeatable) {
  public GradientOptions {
    Preconditions.requirePositive("tokens", tokens);
    Preconditions.requirePositive("logits", logits);
  }

  /**
   * Computes exact gradients of a function of a text's last logits, with all activations in memory.
   */
  public static GradientOptions of(String hooks, int tokens) {
    return new GradientOptions(
        hooks, HookSite.LOGITS.suffix(), "", tokens, 1, GradientRules.EXACT, false, false);
  }

  /** Returns options for metrics that are functions of other activations. */
  public GradientOptions withSeeds(String newSeeds) {
    return new GradientOptions(
        hooks, newSeeds, editable, tokens, logits, rules, recompute, repeatable);
  }

  /** Returns options with interventions at some points. */
  public GradientOptions withEditable(String newEditable) {
    return new GradientOptions(
        hooks, seeds, newEditable, tokens, logits, rules, recompute, repeatable);
  }

  /** Returns options that compute the logits of the last {@code newLogits} positions. */
  public GradientOptions withLogits(int newLogits) {
    return new GradientOptions(
        hooks, seeds, editable, tokens, newLogits, rules, recompute, repeatable);
  }

  /** Returns options with other rules. */
  public GradientOptions withRules(GradientRules newRules) {
    return new GradientOptions(
        hooks, seeds, editable, tokens, logits, newRules, recompute, repeatable);
  }

  /** Returns options that recompute activations, for less memory and more time. */
  public GradientOptions recomputing() {
    return new GradientOptions(hooks, seeds, editable, tokens, logits, rules, true, repeatable);
  }

  /** Returns options that allow several backward passes after a forward pass. */
  public GradientOptions repeating() {
    return new GradientOptions(hooks, seeds, editable, tokens, logits, rules, recompute, true);
  }
}
