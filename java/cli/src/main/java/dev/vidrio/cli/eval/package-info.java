/** {@code vidrio eval}: how good a model is, in figures. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.eval;
