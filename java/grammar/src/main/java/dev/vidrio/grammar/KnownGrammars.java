package dev.vidrio.grammar;

import dev.vidrio.grammar.expression.Rules;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * Grammars that something still holds, such as a request or a {@link ConstraintCache}: what was
 * read before is not read again, which takes longer than many a step. Thread-safe.
 */
final class KnownGrammars {
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
   * A grammar.
   *
   * @param reader reads it where it is not known
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
