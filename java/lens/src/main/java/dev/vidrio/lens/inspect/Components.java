package dev.vidrio.lens.inspect;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.component.HeadOutputs;
import dev.vidrio.lens.component.NeuronOutputs;
import dev.vidrio.lens.component.TokenContributions;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.inspect.DirectLogitAttribution.By;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.vector.Vectors;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Decomposes the last residual stream of a token into the contributions of components: equation 10
 * of the primer (arXiv 2405.00208) before the unembedding.
 */
final class Components {
  private Components() {}

  /** Returns the hook points that {@link #of} reads. */
  static String hooks(Lens lens, By by) {
    return "hook_embed,*.hook_attn_out,*.hook_mlp_out"
        + (lens.has(HookPoint.of(HookSite.POS_EMBED)) ? ",hook_pos_embed" : "")
        + (lens.has(new HookPoint(HookSite.PER_LAYER_OUT, 0)) ? ",*.hook_per_layer_out" : "")
        + besideAttention(lens, HookSite.CONV_OUT)
        + besideAttention(lens, HookSite.RECURRENT_OUT)
        + switch (by) {
          case LAYER, TOKEN -> "";
          case HEAD -> ",*.hook_result";
          case NEURON -> ",*.mlp.hook_post";
          case PATH -> "," + TokenContributions.HOOKS;
        };
  }

  private static String besideAttention(Lens lens, HookSite site) {
    boolean has = lens.points().stream().anyMatch(point -> point.site() == site);
    return has ? ",*." + site.suffix() : "";
  }

  /** Returns the first position that a cache must have to decompose a position. */
  static int from(By by, int position) {
    return by == By.PATH ? 0 : position;
  }

  /**
   * Returns the contributions [d] of the components at row i of a cache with the points of {@link
   * #hooks}, in the order of the model and scaled as at the end of the last block. Names are {@code
   * embed}, {@code L3.attn}, {@code L3.H7}, {@code L3.conv}, {@code L3.recurrent}, {@code L3.mlp}
   * and so on.
   */
  static SequencedMap<String, float[]> of(Lens lens, ActivationCache cache, By by, int i) {
    HookMap hooks = HookMap.of(lens.model());
    SequencedMap<String, float[]> all = new LinkedHashMap<>();
    add(all, "embed", cache, HookPoint.of(HookSite.EMBED), i);
    add(all, "pos_embed", cache, HookPoint.of(HookSite.POS_EMBED), i);
    all.values().forEach(x -> Vectors.scale(x, hooks.factorFrom(0)));
    for (int l = 0; l < lens.model().architecture().layers(); l++) {
      SequencedMap<String, float[]> own = new LinkedHashMap<>();
      String layer = "L" + l;
      var attention = new HookPoint(HookSite.ATTN_OUT, l);
      var mlp = new HookPoint(HookSite.MLP_OUT, l);
      // A linear map instead of attention has no heads.
      By parts = hooks.heads(l) == 0 || !cache.has(attention) ? By.LAYER : by;
      add(own, layer + ".conv", cache, new HookPoint(HookSite.CONV_OUT, l), i);
      add(own, layer + ".recurrent", cache, new HookPoint(HookSite.RECURRENT_OUT, l), i);
      switch (parts) {
        case HEAD -> {
          String rest = HeadOutputs.hasBias(hooks, l) ? layer + ".attn_bias" : null;
          float[][] heads = HeadOutputs.of(hooks, cache, l, i);
          addParts(own, cache.get(attention).row(i), heads, h -> layer + ".H" + h, rest);
        }
        case PATH -> {
          var contributions = new TokenContributions(lens, hooks, cache, l);
          IntFunction<String> name = p -> layer + ".H" + p / (i + 1) + "←" + p % (i + 1);
          float[][] paths = contributions.ofHeads(i);
          addParts(own, contributions.attention(i), paths, name, layer + ".attn_rest");
        }
        default -> add(own, layer + ".attn", cache, attention, i);
      }
      if (by == By.NEURON && cache.has(mlp)) {
        float[] activations = cache.get(HookSite.POST, l).row(i);
        float[][] neurons = NeuronOutputs.written(lens, hooks, l, activations);
        addParts(own, cache.get(mlp).row(i), neurons, u -> layer + ".N" + u, layer + ".mlp_rest");
      } else {
        add(own, layer + ".mlp", cache, mlp, i);
      }
      add(own, layer + ".per_layer", cache, new HookPoint(HookSite.PER_LAYER_OUT, l), i);
      float factor = hooks.factorFrom(l);
      own.values().forEach(x -> Vectors.scale(x, factor));
      all.putAll(own);
    }
    return all;
  }

  /** Adds the activation at a point, if the model has it. */
  private static void add(
      Map<String, float[]> components, String name, ActivationCache cache, HookPoint point, int i) {
    if (cache.has(point)) {
      components.put(name, cache.get(point).row(i));
    }
  }

  /** Adds parts of an activation, and what they leave of it if {@code rest} names that. */
  private static void addParts(
      Map<String, float[]> components,
      float[] whole,
      float[][] parts,
      IntFunction<String> name,
      @Nullable String rest) {
    float[] left = whole;
    for (int p = 0; p < parts.length; p++) {
      components.put(name.apply(p), parts[p]);
      left = Vectors.minus(left, parts[p]);
    }
    if (rest != null) {
      components.put(rest, left);
    }
  }
}
