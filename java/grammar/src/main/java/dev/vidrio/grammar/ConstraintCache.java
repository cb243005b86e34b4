package dev.vidrio.grammar;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * A least-recently-used cache of one tokenizer's constraints, so that requests with equal grammars
 * share their masks.
 *
 * <p>Thread-safe. The thread that first requests a constraint compiles it, without blocking others.
 */
public final class ConstraintCache {
  private final Tokenizer tokenizer;
  private final int capacity;
  private final LinkedHashMap<Grammar, TokenConstraint> constraints =
      new LinkedHashMap<>(16, 0.75f, true);

  /** Vocabularies by the special tokens that they contain. */
  private final Map<Set<String>, GrammarVocabulary> texts = new HashMap<>();

  /**
   * Creates an empty cache.
   *
   * @param tokenizer the tokenizer of all constraints
   * @param capacity the maximum number of constraints
   */
  public ConstraintCache(Tokenizer tokenizer, int capacity) {
    if (capacity < 1) {
      throw new InvalidInputException(
          "constraints to cache", Integer.toString(capacity), "must be at least 1");
    }
    this.tokenizer = tokenizer;
    this.capacity = capacity;
  }

  /**
   * Returns the constraint of a grammar, compiling it if necessary.
   *
   * @throws InvalidInputException as {@link TokenConstraint#of} does
   */
  public TokenConstraint get(Grammar grammar) {
    synchronized (constraints) {
      TokenConstraint known = constraints.get(grammar);
      if (known != null) {
        return known;
      }
    }
    TokenConstraint compiled = new TokenConstraint(grammar, texts(grammar));
    synchronized (constraints) {
      TokenConstraint first = constraints.putIfAbsent(grammar, compiled);
      if (constraints.size() > capacity) {
        var _ = constraints.pollFirstEntry();
      }
      return first != null ? first : compiled;
    }
  }

  private GrammarVocabulary texts(Grammar grammar) {
    synchronized (texts) {
      return texts.computeIfAbsent(
          GrammarVocabulary.present(tokenizer, grammar.marks()),
          marks -> new GrammarVocabulary(tokenizer, marks));
    }
  }
}
