package dev.vidrio.model.grammar.schema;

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
}
