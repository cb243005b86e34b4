/** Compiles JSON schemas, and calls of tools by their schemas, to rules. Not exported. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.grammar.schema;
