package dev.vidrio.lens;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.gradient.GradientRules;
import dev.vidrio.lens.hook.HookSite;

/**
 * Which gradients to compute. Names are those of hook points, as in {@link Capture#hooks}.
 *
 * @param hooks the activations whose gradients are wanted
 * @param seeds the activations that the number is a function of
 * @param editable where edits may be made
 * @param tokens the longest text
 * @param logits positions, the last ones of a text, whose logits are computed
 * @param rules how to modify the true gradient
 * @param recompute whether the backward pass recomputes activations, with the memory of one layer
 *     instead of all
 */
public record GradientOptions(
    String hooks,
    String seeds,
    String editable,
    int tokens,
    int logits,
    GradientRules rules,
    boolean recompute) {
  public GradientOptions {
    require("tokens", tokens);
    require("logits", logits);
  }

  private static void require(String what, int count) {
    if (count < 1) {
      throw new InvalidInputException(what, Integer.toString(count), "must be at least 1");
    }
  }

  /** True gradients of a function of a text's last logits, with all activations in memory. */
  public static GradientOptions of(String hooks, int tokens) {
    return new GradientOptions(
        hooks, HookSite.LOGITS.suffix(), "", tokens, 1, GradientRules.EXACT, false);
  }

  /** The same for numbers that are functions of these activations. */
  public GradientOptions withSeeds(String newSeeds) {
    return new GradientOptions(hooks, newSeeds, editable, tokens, logits, rules, recompute);
  }

  /** The same with edits at these points. */
  public GradientOptions withEditable(String newEditable) {
    return new GradientOptions(hooks, seeds, newEditable, tokens, logits, rules, recompute);
  }

  /** The same with the logits after so many positions, the last ones. */
  public GradientOptions withLogits(int newLogits) {
    return new GradientOptions(hooks, seeds, editable, tokens, newLogits, rules, recompute);
  }

  /** The same under other rules. */
  public GradientOptions withRules(GradientRules newRules) {
    return new GradientOptions(hooks, seeds, editable, tokens, logits, newRules, recompute);
  }

  /** The same with less memory and more time. */
  public GradientOptions recomputing() {
    return new GradientOptions(hooks, seeds, editable, tokens, logits, rules, true);
  }
}
