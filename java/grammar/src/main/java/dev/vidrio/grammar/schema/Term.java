package dev.vidrio.grammar.schema;

import java.util.Set;

/** A schema that a value must keep to, or must not. */
record Term(SchemaPart part, boolean negated) {

  static Term of(SchemaPart part) {
    return new Term(part, false);
  }

  static Term not(SchemaPart part) {
    return new Term(part, true);
  }

  /** The opposite. */
  Term opposite() {
    return new Term(part, !negated);
  }

  boolean isAnything() {
    return negated ? part.isNothing() : part.isAnything();
  }

  boolean isNothing() {
    return negated ? part.isAnything() : part.isNothing();
  }

  /** Whether no value can keep to all of some, as far as that is seen at once. */
  static boolean contradict(Set<Term> terms) {
    return terms.stream().anyMatch(term -> term.isNothing() || terms.contains(term.opposite()));
  }
}
