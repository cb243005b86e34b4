package dev.vidrio.lens.inspect;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.attribute.AltiLogit;
import dev.vidrio.lens.component.LogitDirection;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.IntToDoubleFunction;

/**
 * Direct logit attribution (Elhage et al. 2021; Wang et al. 2023, arXiv 2211.00593): how much does
 * each component contribute to a logit? The residual stream is the sum of the contributions of
 * components, so with the divisor of the final norm held fixed a logit is the sum of their {@code
 * f^c · W_U[:,w]}. Values are in units of logits.
 *
 * {@snippet file="LensExamplesTest.java" region="dla"}
 *
 * <p>Methods are thread-safe.
 *
 * @param position the position before the predicted token
 * @param token w
 * @param versus o, a token; its logit is subtracted; −1 for none
 * @param parts the contribution of each component, in the order of the model; biases that belong to
 *     no component are a part of their own
 * @param logit the logit of the model, or the difference. It equals the sum of the parts up to the
 *     rounding of the final product, which multiplies 8-bit activations by quantized weights,
 *     unless logits are capped.
 * @param capped whether the model soft-caps its logits; the parts are then those of the logits
 *     before the cap
 * @see MeanLogitAttribution
 * @see ResidualDecomposition
 * @see "docs/lens/components.md"
 */
public record DirectLogitAttribution(
    int position, int token, int versus, List<Part> parts, double logit, boolean capped) {
  /** The components that a logit is attributed to. */
  public enum By {
    /** Attention and the feed-forward block of each layer. */
    LAYER,
    /** Each head, and the feed-forward block of each layer. */
    HEAD,
    /** Attention of each layer, and each neuron: {@code n_u w_out,u W_U[:,w]}. */
    NEURON,
    /** Each head by each token that it reads, {@code a_ij x_j W_OV W_U[:,w]}. */
    PATH,
    /** Each token of the text, by {@link AltiLogit}. */
    TOKEN
  }

  /**
   * The contribution of a component to the logit.
   *
   * @param component a name such as {@code embed}, {@code L3.attn}, {@code L3.H7}, {@code L3.mlp}
   */
  public record Part(String component, double value) {}

  public DirectLogitAttribution {
    parts = List.copyOf(parts);
  }

  /** Returns the sum of the parts. */
  public double sum() {
    return parts.stream().mapToDouble(Part::value).sum();
  }

  /** Returns the parts in descending order of magnitude. */
  public List<Part> ranked() {
    return parts.stream()
        .sorted(Comparator.comparingDouble((Part part) -> -Math.abs(part.value())))
        .toList();
  }

  /**
   * Attributes a logit, or the difference of two.
   *
   * @param tokens the text
   * @param position 0 to tokens − 1
   * @param token w
   * @param versus o, or −1
   */
  public static DirectLogitAttribution of(
      Lens lens, int[] tokens, int position, int token, int versus, By by) {
    return of(lens, tokens, position, token, versus, by, List.of());
  }

  /**
   * Attributes a logit of a run with interventions. Changes to activations after a component has
   * written them are a part of their own, {@code edits}.
   *
   * @throws InvalidInputException if an intervention does not fit its point, or parts are tokens,
   *     which are traced through runs without interventions
   */
  public static DirectLogitAttribution of(
      Lens lens,
      int[] tokens,
      int position,
      int token,
      int versus,
      By by,
      List<Intervention> edits) {
    if (by == By.TOKEN) {
      Preconditions.require(
          edits.isEmpty(), "edits", edits.size(), "are not supported for parts by token");
      return of(
          AltiLogit.of(lens, tokens, position, token, versus),
          LogitDirection.isCapped(lens.model()));
    }
    LogitDirection readout = LogitDirection.of(lens, token, versus);
    return attribute(
        lens,
        tokens,
        position,
        readout,
        by,
        edits,
        (parts, logits) -> {
          double logit = logits.applyAsDouble(token);
          double other = versus < 0 ? 0 : logits.applyAsDouble(versus);
          return new DirectLogitAttribution(
              position, token, versus, parts, logit - other, LogitDirection.isCapped(lens.model()));
        });
  }

  /**
   * Attributes a function of logits, given as a direction.
   *
   * @param <R> the result
   * @param result receives the parts, and the logits of the run by token
   */
  static <R> R attribute(
      Lens lens,
      int[] tokens,
      int position,
      LogitDirection readout,
      By by,
      List<Intervention> edits,
      BiFunction<List<Part>, IntToDoubleFunction, R> result) {
    Preconditions.requirePosition(tokens, position);
    String hooks =
        Components.hooks(lens, by)
            + ",blocks.-1.hook_resid_post,ln_final.hook_scale,unembed.hook_out";
    int[] text = Arrays.copyOf(tokens, position + 1);
    int from = Components.from(by, position);
    int row = position - from;
    Capture capture = Capture.of(hooks).positions(from, position + 1);
    try (ActivationCache cache = lens.run(text, capture, edits)) {
      double scale = cache.get(HookSite.LN_FINAL_SCALE).at(row, 0);
      List<Part> parts = new ArrayList<>();
      Components.of(lens, cache, by, row)
          .forEach((name, written) -> parts.add(new Part(name, readout.of(written, scale))));
      if (!edits.isEmpty()) {
        int last = lens.model().architecture().layers() - 1;
        double whole = readout.of(cache.get(HookSite.RESID_POST, last).row(row), scale);
        parts.add(new Part("edits", whole - parts.stream().mapToDouble(Part::value).sum()));
      }
      if (readout.constant() != 0) {
        parts.add(new Part("bias", readout.constant()));
      }
      Activation logits = cache.get(HookSite.LOGITS);
      return result.apply(parts, token -> logits.at(row, token));
    }
  }

  private static DirectLogitAttribution of(AltiLogit alti, boolean capped) {
    List<Part> parts = new ArrayList<>();
    for (int k = 0; k < alti.tokens().size(); k++) {
      parts.add(new Part("token " + k, alti.tokens().get(k)));
    }
    parts.add(new Part("mlp", alti.rest()));
    return new DirectLogitAttribution(
        alti.position(), alti.token(), alti.versus(), parts, alti.logit(), capped);
  }
}
