/**
 * Structured output: grammars, and the tokens they allow next.
 *
 * <p>A {@link dev.vidrio.grammar.Grammar} is a set of texts, written as a JSON schema, a regular
 * expression, an EBNF grammar or a list of choices. {@link dev.vidrio.grammar.TokenConstraint}
 * combines it with a tokenizer. A {@link dev.vidrio.grammar.ConstraintState} is a position in it
 * and tells which tokens may come next.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.grammar;
