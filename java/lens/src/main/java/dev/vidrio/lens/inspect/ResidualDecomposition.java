package dev.vidrio.lens.inspect;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.List;

/**
 * Decomposes the last residual stream of a token into the contributions of components (Elhage et
 * al. 2021; equation 10 of the primer, arXiv 2405.00208): {@code x^L = x^0 + Σ Attn^{l,h} + Σ
 * FFN^l}.
 *
 * @param position of the token
 * @param norm ‖x^L‖₂
 * @param parts in the order of the model
 * @see DirectLogitAttribution
 * @see "docs/lens/components.md"
 */
public record ResidualDecomposition(int position, double norm, List<Part> parts) {
  /**
   * The contribution of a component.
   *
   * @param component a name such as {@code embed}, {@code L3.attn}, {@code L3.H7}, {@code L3.mlp}
   * @param norm ‖f^c‖₂
   * @param cosine of the angle to the residual stream that it is added to; 0 for the first
   * @param share of the squared length of the last stream: {@code ⟨f^c, x^L⟩ / ‖x^L‖²}. All shares
   *     add up to 1.
   */
  public record Part(String component, double norm, double cosine, double share) {}

  public ResidualDecomposition {
    parts = List.copyOf(parts);
  }

  /**
   * Decomposes the residual stream of a token. What the edits of the lens change in the stream
   * after components have written to it is a part of its own, {@code edits}.
   *
   * @param position 0 to tokens − 1
   */
  public static ResidualDecomposition of(
      Lens lens, int[] tokens, int position, DirectLogitAttribution.By by) {
    Preconditions.requirePosition(tokens, position);
    Preconditions.requireOneStream(lens.model(), "decomposition of the stream");
    if (by == DirectLogitAttribution.By.TOKEN) {
      throw new InvalidInputException("parts", "token", "is supported for logits only");
    }
    int layers = lens.model().architecture().layers();
    String hooks = Components.hooks(lens, by) + ",blocks.-1.hook_resid_post";
    int from = Components.from(by, position);
    int row = position - from;
    try (ActivationCache cache =
        lens.run(tokens, Capture.of(hooks).positions(from, position + 1))) {
      float[] last = cache.get(HookSite.RESID_POST, layers - 1).row(row);
      double norm = Vectors.norm(last);
      var before = new float[last.length];
      List<Part> parts = new ArrayList<>();
      for (var component : Components.of(lens, cache, by, row).entrySet()) {
        parts.add(part(component.getKey(), component.getValue(), before, last));
        Vectors.add(before, component.getValue());
      }
      if (!lens.edits().isEmpty()) {
        var changed = new float[last.length];
        for (int i = 0; i < changed.length; i++) {
          changed[i] = last[i] - before[i];
        }
        parts.add(part("edits", changed, before, last));
      }
      return new ResidualDecomposition(position, norm, parts);
    }
  }

  /** Returns the part of a component that writes to a stream. */
  private static Part part(String component, float[] written, float[] before, float[] last) {
    double lengths = Vectors.norm(written) * Vectors.norm(before);
    double norm = Vectors.norm(last);
    return new Part(
        component,
        Vectors.norm(written),
        lengths == 0 ? 0 : Vectors.dot(written, before) / lengths,
        Vectors.dot(written, last) / (norm * norm));
  }
}
