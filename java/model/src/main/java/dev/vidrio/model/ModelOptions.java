package dev.vidrio.model;

import dev.vidrio.kernel.Executor;
import java.util.function.DoubleConsumer;
import java.util.function.Supplier;

/**
 * How a model is opened.
 *
 * @param executor makes the executor that the model owns and closes
 * @param progress receives the fraction loaded, from 0 to 1, on the opening thread
 */
public record ModelOptions(Supplier<Executor> executor, DoubleConsumer progress) {

  /** Options with an executor of the caller's choice: {@code with(NativeExecutor::create)}. */
  public static ModelOptions with(Supplier<Executor> executor) {
    return new ModelOptions(executor, fraction -> {});
  }

  /** The same with a listener for the progress of loading. */
  public ModelOptions withProgress(DoubleConsumer listener) {
    return new ModelOptions(executor, listener);
  }
}
