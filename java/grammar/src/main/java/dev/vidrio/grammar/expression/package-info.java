/**
 * Sets of texts: expressions over characters, automata, rules that call each other, and what they
 * are read from.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.grammar.expression;
