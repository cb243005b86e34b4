/**
 * Structured output: constrains generated text to a grammar.
 *
 * <p>A {@link dev.vidrio.grammar.Grammar} is a set of texts, given by a JSON schema, a regular
 * expression, an EBNF grammar or a list of choices. A {@link dev.vidrio.grammar.TokenConstraint}
 * compiles it for a tokenizer. A {@link dev.vidrio.grammar.ConstraintState} is a position in it and
 * returns the mask of the tokens that may come next.
 *
 * <p>Implementation, not exported: {@code schema} and {@code expression} parse sources to rules,
 * {@code program} compiles rules to a byte-level program, and a pushdown automaton runs it.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.grammar;
