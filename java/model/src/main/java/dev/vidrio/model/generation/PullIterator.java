package dev.vidrio.model.generation;

import java.util.Iterator;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * Iterates over elements that are generated on demand.
 *
 * @param waiter waits for the next element; returns false if there is none
 * @param taker returns and removes the next element, or throws {@link
 *     java.util.NoSuchElementException}
 * @param <T> the type of the elements
 */
public record PullIterator<T>(BooleanSupplier waiter, Supplier<T> taker) implements Iterator<T> {
  @Override
  public boolean hasNext() {
    return waiter.getAsBoolean();
  }

  @Override
  public T next() {
    return taker.get();
  }
}
