package dev.vidrio.kernel.hook;

import dev.vidrio.error.InvalidInputException;

/**
 * An activation of a model that can be read or edited: a site, and the layer for sites in blocks.
 * The builder of a model's plan records the buffer of each hook point.
 *
 * @param site the kind of activation
 * @param layer the block, from 0; −1 for sites outside blocks
 */
public record HookPoint(HookSite site, int layer) {
  /**
   * Creates a hook point.
   *
   * @throws InvalidInputException if the layer is negative for a site in blocks, or not −1 for a
   *     site outside blocks
   */
  public HookPoint {
    if (site.inBlock() ? layer < 0 : layer != -1) {
      throw new InvalidInputException(
          "layer of " + site.suffix(),
          Integer.toString(layer),
          site.inBlock() ? "must be at least 0" : "must be -1, as the site is not in a block");
    }
  }

  /**
   * Returns the hook point of a site outside blocks.
   *
   * @throws InvalidInputException if the site is in blocks
   */
  public static HookPoint of(HookSite site) {
    return new HookPoint(site, -1);
  }

  /** Returns the name, as TransformerLens writes it: {@code blocks.3.attn.hook_z}. */
  public String name() {
    return site.inBlock() ? "blocks." + layer + "." + site.suffix() : site.suffix();
  }

  @Override
  public String toString() {
    return name();
  }
}
