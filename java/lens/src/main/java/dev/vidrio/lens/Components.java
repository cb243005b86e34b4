package dev.vidrio.lens;

import dev.vidrio.lens.DirectLogitAttribution.By;
import java.util.ArrayList;
import java.util.List;

/**
 * What components write to the residual stream of a token. The sum is the last residual stream:
 * equation 10 of the primer (arXiv 2405.00208) before the unembedding.
 */
final class Components {
  /** A component. */
  static final class Component {
    private final String name;
    private final float[] written;

    Component(String name, float[] written) {
      this.name = name;
      this.written = written;
    }

    /** Such as {@code embed}, {@code L3.attn}, {@code L3.H7}, {@code L3.mlp}. */
    String name() {
      return name;
    }

    /** What it adds, [d]. */
    float[] written() {
      return written;
    }
  }

  private Components() {}

  /** The hook points that {@link #of} reads. */
  static String hooks(Lens lens, By by) {
    return "hook_embed,*.hook_attn_out,*.hook_mlp_out"
        + (lens.has(HookPoint.of(HookSite.POS_EMBED)) ? ",hook_pos_embed" : "")
        + (by == By.HEAD ? ",*.hook_result" : "");
  }

  /** The components, in the order of the model, at row 0 of a cache that has {@link #hooks}. */
  static List<Component> of(Lens lens, ActivationCache cache, By by) {
    List<Component> components = new ArrayList<>();
    components.add(new Component("embed", cache.get(HookSite.EMBED).row(0)));
    if (cache.has(HookPoint.of(HookSite.POS_EMBED))) {
      components.add(new Component("pos_embed", cache.get(HookSite.POS_EMBED).row(0)));
    }
    for (int l = 0; l < lens.model().architecture().layers(); l++) {
      float[] attention = cache.get(HookSite.ATTN_OUT, l).row(0);
      if (by == By.HEAD) {
        addHeads(components, HeadOutputs.of(cache, l, 0), attention);
      } else {
        components.add(new Component("L" + l + ".attn", attention));
      }
      components.add(new Component("L" + l + ".mlp", cache.get(HookSite.MLP_OUT, l).row(0)));
    }
    return components;
  }

  /** The heads of a layer, and what its output has beyond their sum: a bias. */
  private static void addHeads(List<Component> components, HeadOutputs outputs, float[] attention) {
    float[] rest = attention;
    for (int h = 0; h < outputs.heads(); h++) {
      components.add(new Component("L" + outputs.layer() + ".H" + h, outputs.head(h)));
      rest = Vectors.minus(rest, outputs.head(h));
    }
    if (outputs.hasBias()) {
      components.add(new Component("L" + outputs.layer() + ".attn_bias", rest));
    }
  }
}
