package dev.vidrio.model;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.model.architecture.LoadListener;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Options for opening a model.
 *
 * @param executor creates the executor, which the model owns and closes
 * @param progress receives loading progress, on the opening thread
 * @param repacking when quantized matrices are packed into new memory. Expert matrices are always
 *     packed at once. Only the native executor supports {@link Repacking#NEVER}
 * @param draftBlock true to read the model's own block for multi-token prediction (MTP, NextN),
 *     with which an engine drafts. It is skipped by default. Models without one are rejected
 * @param draftHead the GGUF file of an EAGLE-3 head that was trained for the model, with which an
 *     engine drafts instead; null for none
 * @param latentCache true if multi-head latent attention (DeepSeek and others) caches latent
 *     vectors instead of the keys and values of all heads, which takes less memory, and more time
 *     for prompts. Keys and values of heads then have no hook points. Models without it are
 *     rejected
 */
public record ModelOptions(
    Supplier<Executor> executor,
    LoadListener progress,
    Repacking repacking,
    boolean draftBlock,
    @Nullable Path draftHead,
    boolean latentCache) {
  /** The native executor with all usable cores and instructions, no listener, packed at once. */
  public static final ModelOptions DEFAULT =
      new ModelOptions(
          NativeExecutor::create, LoadListener.SILENT, Repacking.AT_ONCE, false, null, false);

  /** Rejects a head for a model that drafts with its own block. */
  public ModelOptions {
    if (draftBlock && draftHead != null) {
      throw new InvalidInputException(
          "draft head", draftHead, "not supported with the model's own draft block");
    }
  }

  /**
   * Returns the defaults with another executor, for example one with two workers: {@code with(() ->
   * NativeExecutor.create(Isa.pick(), 2))}.
   */
  public static ModelOptions with(Supplier<Executor> executor) {
    return new ModelOptions(executor, DEFAULT.progress, DEFAULT.repacking, false, null, false);
  }

  /** Returns a copy with a listener for loading progress. */
  public ModelOptions withProgress(LoadListener listener) {
    return new ModelOptions(executor, listener, repacking, draftBlock, draftHead, latentCache);
  }

  /** Returns a copy that packs matrices at another time. */
  public ModelOptions withRepacking(Repacking newRepacking) {
    return new ModelOptions(executor, progress, newRepacking, draftBlock, draftHead, latentCache);
  }

  /** Returns a copy that reads the model's own draft block, or skips it. */
  public ModelOptions withDraftBlock(boolean wanted) {
    return new ModelOptions(executor, progress, repacking, wanted, draftHead, latentCache);
  }

  /** Returns a copy with an EAGLE-3 head instead of the model's own draft block; null for none. */
  public ModelOptions withDraftHead(@Nullable Path file) {
    return new ModelOptions(executor, progress, repacking, draftBlock, file, latentCache);
  }

  /** Returns a copy with latent attention that caches latent vectors, or keys and values. */
  public ModelOptions withLatentCache(boolean wanted) {
    return new ModelOptions(executor, progress, repacking, draftBlock, draftHead, wanted);
  }
}
