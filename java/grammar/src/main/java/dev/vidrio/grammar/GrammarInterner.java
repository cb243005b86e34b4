package dev.vidrio.grammar;

import dev.vidrio.grammar.expression.Rules;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * Interns grammars while they are referenced, for example by a request or a {@link
 * ConstraintCache}, since compiling takes longer than many decoding steps. Thread-safe.
 */
final class GrammarInterner {
  private record Source(String kind, String text) {}

  private static final class Known extends WeakReference<Grammar> {
    final Source source;

    Known(Source source, Grammar grammar, ReferenceQueue<Grammar> forgotten) {
      super(grammar, forgotten);
      this.source = source;
    }
  }

  private final Map<Source, Known> grammars = new ConcurrentHashMap<>();
  private final ReferenceQueue<Grammar> forgotten = new ReferenceQueue<>();

  /**
   * Returns the grammar of a source.
   *
   * @param reader parses the source if it is not interned
   */
  Grammar get(String kind, String text, Supplier<Rules> reader) {
    forget();
    var source = new Source(kind, text);
    Known known = grammars.get(source);
    Grammar grammar = known == null ? null : known.get();
    if (grammar == null) {
      grammar = new Grammar(kind, text, reader.get());
      grammars.put(source, new Known(source, grammar, forgotten));
    }
    return grammar;
  }

  private void forget() {
    for (Reference<?> lost = forgotten.poll(); lost != null; lost = forgotten.poll()) {
      if (lost instanceof Known known) {
        grammars.remove(known.source, known);
      }
    }
  }
}
