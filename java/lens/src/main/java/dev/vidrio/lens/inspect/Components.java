package dev.vidrio.lens.inspect;

import dev.vidrio.kernel.Executor;
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
import java.util.ArrayList;
import java.util.List;

/**
 * Decomposes the last residual stream of a token into the contributions of components: equation 10
 * of the primer (arXiv 2405.00208) before the unembedding.
 */
final class Components {
  /** A component, with its contribution scaled as at the end of the last block. */
  static final class Component {
    private final String name;
    private final float[] written;

    Component(String name, float[] written) {
      this.name = name;
      this.written = written;
    }

    /**
     * Returns a name such as {@code embed}, {@code L3.attn}, {@code L3.H7}, {@code L3.conv}, {@code
     * L3.recurrent} or {@code L3.mlp}.
     */
    String name() {
      return name;
    }

    /** Returns the contribution, [d]. */
    float[] written() {
      return written;
    }
  }

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
   * Returns the components, in the order of the model, at row i of a cache with the points of
   * {@link #hooks}.
   */
  static List<Component> of(Lens lens, ActivationCache cache, By by, int i) {
    Executor executor = lens.model().executor();
    HookMap hooks = HookMap.of(lens.model());
    List<Component> components = new ArrayList<>();
    components.add(new Component("embed", cache.get(HookSite.EMBED).row(i)));
    if (cache.has(HookPoint.of(HookSite.POS_EMBED))) {
      components.add(new Component("pos_embed", cache.get(HookSite.POS_EMBED).row(i)));
    }
    multiply(components, hooks.factorFrom(0));
    for (int l = 0; l < lens.model().architecture().layers(); l++) {
      int before = components.size();
      if (cache.has(new HookPoint(HookSite.CONV_OUT, l))) {
        components.add(new Component("L" + l + ".conv", cache.get(HookSite.CONV_OUT, l).row(i)));
      }
      if (cache.has(new HookPoint(HookSite.RECURRENT_OUT, l))) {
        float[] written = cache.get(HookSite.RECURRENT_OUT, l).row(i);
        components.add(new Component("L" + l + ".recurrent", written));
      }
      if (cache.has(new HookPoint(HookSite.ATTN_OUT, l))) {
        float[] attention = cache.get(HookSite.ATTN_OUT, l).row(i);
        switch (hooks.heads(l) == 0 ? By.LAYER : by) { // a linear map in its place has none
          case HEAD -> addHeads(components, HeadOutputs.of(hooks, cache, l, i), attention);
          case PATH ->
              addPaths(components, new TokenContributions(executor, hooks, cache, l), l, i);
          default -> components.add(new Component("L" + l + ".attn", attention));
        }
      }
      if (cache.has(new HookPoint(HookSite.MLP_OUT, l))) {
        float[] mlp = cache.get(HookSite.MLP_OUT, l).row(i);
        if (by == By.NEURON) {
          float[] activations = cache.get(HookSite.POST, l).row(i);
          addNeurons(components, l, NeuronOutputs.written(lens, hooks, l, activations), mlp);
        } else {
          components.add(new Component("L" + l + ".mlp", mlp));
        }
      }
      if (cache.has(new HookPoint(HookSite.PER_LAYER_OUT, l))) {
        float[] own = cache.get(HookSite.PER_LAYER_OUT, l).row(i);
        components.add(new Component("L" + l + ".per_layer", own));
      }
      multiply(components.subList(before, components.size()), hooks.factorFrom(l));
    }
    return components;
  }

  /** Scales components as later blocks scale the residual stream. */
  private static void multiply(List<Component> components, float factor) {
    if (factor != 1) {
      components.replaceAll(
          component -> new Component(component.name, times(component.written, factor)));
    }
  }

  private static float[] times(float[] vector, float factor) {
    var product = new float[vector.length];
    for (int j = 0; j < product.length; j++) {
      product[j] = factor * vector[j];
    }
    return product;
  }

  /** Adds the contributions of heads by source token, and the rest of the attention output. */
  private static void addPaths(
      List<Component> components, TokenContributions contributions, int layer, int i) {
    float[] rest = contributions.attention(i);
    float[][][] heads = contributions.ofHeads(i);
    for (int h = 0; h < heads.length; h++) {
      for (int j = 0; j <= i; j++) {
        components.add(new Component("L" + layer + ".H" + h + "←" + j, heads[h][j]));
        rest = Vectors.minus(rest, heads[h][j]);
      }
    }
    components.add(new Component("L" + layer + ".attn_rest", rest));
  }

  /** Adds the neurons of a layer, and the rest of the feed-forward output. */
  private static void addNeurons(
      List<Component> components, int layer, float[][] neurons, float[] mlp) {
    float[] rest = mlp;
    for (int u = 0; u < neurons.length; u++) {
      components.add(new Component("L" + layer + ".N" + u, neurons[u]));
      rest = Vectors.minus(rest, neurons[u]);
    }
    components.add(new Component("L" + layer + ".mlp_rest", rest));
  }

  /** Adds the heads of a layer, and the rest of the attention output: a bias. */
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
