package dev.vidrio.lens.hook;

import dev.vidrio.error.InvalidInputException;

/**
 * A place in a model where an activation can be read or edited.
 *
 * @param site which
 * @param layer the block, from 0; −1 if it is in none
 */
public record HookPoint(HookSite site, int layer) {
  /**
   * Checks the layer.
   *
   * @throws InvalidInputException when a site in blocks has none, or one outside them has
   */
  public HookPoint {
    if (site.inBlock() ? layer < 0 : layer != -1) {
      throw new InvalidInputException(
          "layer of " + site.suffix(),
          Integer.toString(layer),
          site.inBlock() ? "must be that of a block, from 0 on" : "it is in no block");
    }
  }

  /**
   * A point outside the blocks.
   *
   * @throws InvalidInputException when the site is in blocks
   */
  public static HookPoint of(HookSite site) {
    return new HookPoint(site, -1);
  }

  /** Its name in the literature: {@code blocks.3.attn.hook_z}. */
  public String name() {
    return site.inBlock() ? "blocks." + layer + "." + site.suffix() : site.suffix();
  }

  @Override
  public String toString() {
    return name();
  }
}
