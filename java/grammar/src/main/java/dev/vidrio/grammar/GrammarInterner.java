package dev.vidrio.grammar;

import dev.vidrio.grammar.expression.Rules;
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

  private final Map<Source, WeakReference<Grammar>> grammars = new ConcurrentHashMap<>();

  /**
   * Returns the grammar of a source.
   *
   * @param definition the grammar's {@link Grammar#definition}
   * @param reader parses the source if it is not interned
   */
  Grammar get(String kind, String text, Map<String, Object> definition, Supplier<Rules> reader) {
    var source = new Source(kind, text);
    WeakReference<Grammar> known = grammars.get(source);
    Grammar grammar = known == null ? null : known.get();
    if (grammar == null) {
      grammar = new Grammar(kind, text, definition, reader.get());
      grammars.values().removeIf(each -> each.refersTo(null));
      grammars.put(source, new WeakReference<>(grammar));
    }
    return grammar;
  }
}
