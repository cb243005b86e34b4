package dev.vidrio.lens.hook;

/**
 * A place in a model where an activation can be read or edited.
 *
 * @param site which
 * @param layer the block, from 0; −1 where it is in none
 */
public record HookPoint(HookSite site, int layer) {
  public HookPoint {
    if (site.inBlock() ? layer < 0 : layer != -1) {
      throw new IllegalArgumentException(site + " of layer " + layer);
    }
  }

  /** A point outside the blocks. */
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
