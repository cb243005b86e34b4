/** {@code vidrio eval}: quality of a model. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.eval;
