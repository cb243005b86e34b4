/**
 * {@code vidrio lens}: what happens inside a model, a class per command, a package per kind of
 * method. Each opens the model, has {@code dev.vidrio.lens} do the work, and prints what it finds
 * as a table, JSON or a page.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens;
