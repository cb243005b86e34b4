/**
 * {@code vidrio lens}: interpretability commands, with a class per command and a package per kind
 * of method. A command opens the model, calls {@code dev.vidrio.lens}, and prints the results as a
 * table, JSON or an HTML page.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens;
