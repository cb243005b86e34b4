package dev.vidrio.lens.attribute;

import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.attribute.ContextMixing.Measure;
import dev.vidrio.lens.component.LogitDirection;
import dev.vidrio.lens.component.TokenContributions;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.Arrays;
import java.util.List;

/**
 * ALTI-Logit (Ferrando et al. 2023, arXiv 2305.12535): the contribution of each input token to a
 * logit. The attention of a layer contributes {@code T_n(x_j) · W_U[:,w]} by source token j, with
 * the divisor of the final norm held fixed. This is distributed to the input tokens by the ALTI
 * shares of token j, rolled out up to the previous layer. Feed-forward blocks do not mix tokens;
 * their contributions are not distributed.
 *
 * @param position n, the position before the predicted token
 * @param token w
 * @param versus o, a token; its logit is subtracted (a contrastive explanation); −1 for none
 * @param tokens the contribution of each input token up to n
 * @param rest the contribution of feed-forward blocks and biases
 * @param logit the logit of the model, or the difference; up to rounding, and before a soft cap,
 *     the sum of tokens and rest
 * @see "docs/lens/attribution.md"
 */
public record AltiLogit(
    int position, int token, int versus, List<Double> tokens, double rest, double logit) {
  public AltiLogit {
    tokens = List.copyOf(tokens);
  }

  /**
   * Attributes a logit, or the difference of two.
   *
   * @param tokens the text
   * @param position 0 to tokens − 1
   * @param token w
   * @param versus o, or −1
   */
  public static AltiLogit of(Lens lens, int[] tokens, int position, int token, int versus) {
    Preconditions.requirePosition(tokens, position);
    int[] text = Arrays.copyOf(tokens, position + 1);
    LogitDirection readout = LogitDirection.of(lens, token, versus);
    ContextMixing mixing = ContextMixing.of(lens, text, Measure.ALTI);
    var added = new double[position + 1];
    Capture capture =
        Capture.of(
            TokenContributions.HOOKS
                + ", blocks.-1.hook_resid_post, ln_final.hook_scale, unembed.hook_out");
    try (ActivationCache cache = lens.run(text, capture)) {
      double scale = cache.get(HookSite.LN_FINAL_SCALE).at(position, 0);
      HookMap hooks = HookMap.of(lens.model());
      for (int l = 0; l < mixing.layers(); l++) {
        var contributions = new TokenContributions(lens, hooks, cache, l);
        if (l == 0) {
          double embedded = readout.of(contributions.stream(position), scale);
          added[position] += contributions.factor() * embedded;
        }
        float[][] parts = contributions.ofAttention(position);
        for (int j = 0; j <= position; j++) {
          double part = contributions.factor() * readout.of(parts[j], scale);
          for (int k = 0; k <= j; k++) {
            added[k] += part * (l == 0 ? (k == j ? 1 : 0) : mixing.rolledOut(l - 1, j, k));
          }
        }
      }
      Activation logits = cache.get(HookSite.LOGITS);
      double logit = logits.at(position, token);
      double other = versus < 0 ? 0 : logits.at(position, versus);
      float[] last = cache.get(HookSite.RESID_POST, mixing.layers() - 1).row(position);
      double whole = readout.of(last, scale) + readout.constant();
      double rest = whole - Arrays.stream(added).sum();
      List<Double> values = Arrays.stream(added).boxed().toList();
      return new AltiLogit(position, token, versus, values, rest, logit - other);
    }
  }
}
