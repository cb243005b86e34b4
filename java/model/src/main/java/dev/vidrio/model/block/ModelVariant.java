package dev.vidrio.model.block;

/**
 * The choices for the plan of a model that its file leaves open.
 *
 * @param drafts source of the draft block
 * @param latentCache true if latent attention caches latent vectors instead of keys and values
 */
public record ModelVariant(DraftSource drafts, boolean latentCache) {
  /** No draft block; keys and values are cached. */
  public static final ModelVariant STANDARD = new ModelVariant(DraftSource.NONE, false);

  /** The name of a cache of latent vectors in error messages. */
  public static final String LATENT_CACHE = "a cache of latent vectors";
}
