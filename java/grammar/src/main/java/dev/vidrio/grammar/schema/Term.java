package dev.vidrio.grammar.schema;

import java.util.Set;

/** A schema that a value must satisfy or, if negated, must violate. */
record Term(Subschema part, boolean negated) {

  static Term of(Subschema part) {
    return new Term(part, false);
  }

  static Term not(Subschema part) {
    return new Term(part, true);
  }

  /** Returns the negation. */
  Term opposite() {
    return new Term(part, !negated);
  }

  boolean isAnything() {
    return negated ? part.isNothing() : part.isAnything();
  }

  boolean isNothing() {
    return negated ? part.isAnything() : part.isNothing();
  }

  /** Returns whether the terms are obviously contradictory. */
  static boolean contradict(Set<Term> terms) {
    return terms.stream().anyMatch(term -> term.isNothing() || terms.contains(term.opposite()));
  }
}
