/** Rules as a graph of bytes, which a pushdown automaton runs on. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.grammar.program;
