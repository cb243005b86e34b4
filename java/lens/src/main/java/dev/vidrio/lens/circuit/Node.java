package dev.vidrio.lens.circuit;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.resolve.HookMap;
import java.util.List;

/**
 * A node of a model's component graph, which writes to the residual stream or reads from it (Elhage
 * et al. 2021; section 2 of the primer, arXiv 2405.00208).
 */
public sealed interface Node {
  /** A component that adds to the residual stream. */
  sealed interface Source extends Node {}

  /** A component that reads the residual stream. */
  sealed interface Destination extends Node {}

  /**
   * The embedding of tokens and, if the model adds them, positions: the input of the first block.
   */
  record Embedding() implements Source {}

  /** The output of an attention head. */
  record Head(int layer, int head) implements Source {}

  /**
   * The input of a head's queries, keys, values or output gate.
   *
   * @param site {@link HookSite#Q}, {@link HookSite#K}, {@link HookSite#V} or {@link HookSite#GATE}
   * @param head the index of the query head, or of the key-value head
   */
  record HeadInput(HookSite site, int layer, int head) implements Destination {
    /** The inputs of heads. */
    static final List<HookSite> SITES = List.of(HookSite.Q, HookSite.K, HookSite.V, HookSite.GATE);

    public HeadInput {
      if (!SITES.contains(site)) {
        throw new IllegalArgumentException(site + " is not an input of a head");
      }
    }

    /** Returns the inputs that heads of a layer have. */
    static List<HookSite> sites(HookMap hooks, int layer) {
      return SITES.stream().filter(site -> hooks.has(new HookPoint(site, layer))).toList();
    }
  }

  /** A feed-forward block. */
  record Mlp(int layer) implements Source, Destination {}

  /** The final norm and the unembedding. */
  record Logits() implements Destination {}

  /**
   * Returns the name: {@code embed}, {@code L3.H7}, {@code L3.Q7}, {@code L3.mlp}, {@code logits}.
   */
  default String name() {
    return switch (this) {
      case Embedding() -> "embed";
      case Head(int layer, int head) -> "L" + layer + ".H" + head;
      case HeadInput(HookSite site, int layer, int head) -> "L" + layer + "." + site + head;
      case Mlp(int layer) -> "L" + layer + ".mlp";
      case Logits() -> "logits";
    };
  }
}
