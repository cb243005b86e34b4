/**
 * Sets of texts: expressions, automata, rules, and the parsers of regular expressions and EBNF. Not
 * exported.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.grammar.expression;
