package dev.vidrio.model.template;

import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Iterators over iterators, which do their work only when they are read. */
final class Iterators {

  private Iterators() {}

  static Iterator<Value> map(Iterator<Value> items, UnaryOperator<Value> mapping) {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return items.hasNext();
      }

      @Override
      public Value next() {
        return mapping.apply(items.next());
      }
    };
  }

  static Iterator<Value> filter(Iterator<Value> items, Predicate<Value> test) {
    return new Iterator<>() {
      private @Nullable Value upcoming;

      @Override
      public boolean hasNext() {
        while (upcoming == null && items.hasNext()) {
          Value item = items.next();
          upcoming = test.test(item) ? item : null;
        }
        return upcoming != null;
      }

      @Override
      public Value next() {
        Value item = hasNext() ? upcoming : null;
        if (item == null) {
          throw new NoSuchElementException();
        }
        upcoming = null;
        return item;
      }
    };
  }
}
