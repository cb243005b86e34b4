package dev.vidrio.server.model;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * Work of a request that later requests can use, such as the activations of a text: the last one of
 * each kind, freed with the model. Thread-safe; one thread at a time uses it.
 */
public final class KeptWork implements AutoCloseable {
  private final Map<Class<?>, AutoCloseable> last = new HashMap<>();
  private boolean closed;

  /**
   * Uses the last work of a kind, or new work that replaces it.
   *
   * @param fits returns whether the last work can be used
   * @param begin does new work; returns nothing if it must not be kept
   * @param use computes the result; work that fails is not kept
   * @return nothing if {@code begin} does or the model is closed
   */
  public synchronized <W extends AutoCloseable, T> Optional<T> use(
      Class<W> kind, Predicate<W> fits, Supplier<Optional<W>> begin, Function<W, T> use) {
    if (closed) {
      return Optional.empty();
    }
    Optional<W> work = Optional.ofNullable(kind.cast(last.get(kind))).filter(fits);
    if (work.isEmpty()) {
      drop(kind); // before the new work needs memory
      work = begin.get();
      work.ifPresent(made -> last.put(kind, made));
    }
    try {
      return work.map(use);
    } catch (RuntimeException | Error e) {
      drop(kind);
      throw e;
    }
  }

  private void drop(Class<?> kind) {
    AutoCloseable work = last.remove(kind);
    if (work != null) {
      free(work);
    }
  }

  private static void free(AutoCloseable work) {
    try {
      work.close();
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  /** Frees all work; none is kept afterwards. */
  @Override
  public synchronized void close() {
    closed = true;
    last.values().forEach(KeptWork::free);
    last.clear();
  }
}
