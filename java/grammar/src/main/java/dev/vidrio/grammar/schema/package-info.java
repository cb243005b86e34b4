/** JSON schemas, and calls of tools by theirs, as rules. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.grammar.schema;
