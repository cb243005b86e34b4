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
 * @param repack whether quantized matrices are packed into memory of their own, the default. If
 *     false, they stay in the mapped file and each product packs them again: the model opens at
 *     once and shares memory with other processes, but generates ten to twenty times slower, with
 *     the same bits. Expert matrices are packed anyway. Only the native executor supports false
 */
public record ModelOptions(Supplier<Executor> executor, LoadListener progress, boolean repack) {
  /** The native executor with all that this machine has, no listener, packed matrices. */
  public static final ModelOptions DEFAULT =
      new ModelOptions(NativeExecutor::create, LoadListener.SILENT, true);

  /**
   * The defaults with another executor, such as one of two workers: {@code with(() ->
   * NativeExecutor.create(Isa.pick(), 2))}.
   */
  public static ModelOptions with(Supplier<Executor> executor) {
    return new ModelOptions(executor, DEFAULT.progress, DEFAULT.repack);
  }

  /** The same with a listener for the progress of loading. */
  public ModelOptions withProgress(LoadListener listener) {
    return new ModelOptions(executor, listener, repack);
  }

  /** The same with matrices packed on loading, or left in the file. */
  public ModelOptions withRepack(boolean newRepack) {
    return new ModelOptions(executor, progress, newRepack);
  }
}
