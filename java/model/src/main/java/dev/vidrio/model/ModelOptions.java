package dev.vidrio.model;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.model.architecture.LoadListener;
import java.util.function.Supplier;

/**
 * Options for opening a model.
 *
 * @param executor creates the executor, which the model owns and closes
 * @param progress receives loading progress, on the opening thread
 * @param repack if true (the default), quantized matrices are packed into new memory. If false,
 *     they stay in the mapped file and each product packs them again: the model opens at once and
 *     shares memory with other processes, but generates ten to twenty times slower, with the same
 *     bits. Expert matrices are always packed. Only the native executor supports false
 */
public record ModelOptions(Supplier<Executor> executor, LoadListener progress, boolean repack) {
  /** The native executor with all usable cores and instructions, no listener, packed matrices. */
  public static final ModelOptions DEFAULT =
      new ModelOptions(NativeExecutor::create, LoadListener.SILENT, true);

  /**
   * Returns the defaults with another executor, for example one with two workers: {@code with(() ->
   * NativeExecutor.create(Isa.pick(), 2))}.
   */
  public static ModelOptions with(Supplier<Executor> executor) {
    return new ModelOptions(executor, DEFAULT.progress, DEFAULT.repack);
  }

  /** Returns a copy with a listener for loading progress. */
  public ModelOptions withProgress(LoadListener listener) {
    return new ModelOptions(executor, listener, repack);
  }

  /** Returns a copy that packs matrices when loading, or leaves them in the file. */
  public ModelOptions withRepack(boolean newRepack) {
    return new ModelOptions(executor, progress, newRepack);
  }
}
