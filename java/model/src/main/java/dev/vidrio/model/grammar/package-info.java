/**
 * Structured output: grammars, and the tokens that they allow next.
 *
 * <p>A {@link dev.vidrio.model.grammar.Grammar} is a set of texts, written as a JSON schema, a
 * regular expression, an EBNF grammar or a list of choices. {@link
 * dev.vidrio.model.grammar.TokenConstraint} puts it together with a tokenizer; a {@link
 * dev.vidrio.model.grammar.ConstraintState} is a place in it and tells which tokens may come.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.grammar;
