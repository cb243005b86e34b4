/** Compiled grammars: rules as programs over bytes, for the pushdown automaton. Not exported. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.grammar.program;
