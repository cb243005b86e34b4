/**
 * The vidrio command, {@link dev.vidrio.cli.Main}: one class per command, each thin over the
 * library.
 *
 * <p>A class is named by the last word of its command, and its package by the words before: {@code
 * vidrio eval logits} is {@code dev.vidrio.cli.eval.LogitsCommand}. Commands of the lens are
 * grouped by kind of method, as in {@code dev.vidrio.lens}: {@code vidrio lens patch} is {@code
 * dev.vidrio.cli.lens.intervene.PatchCommand}. A group is in the package of its subcommands: {@code
 * LensCommand} in {@code lens}.
 *
 * <p>Commands share the mixins of {@code option} and the input and output of {@code io}. Package
 * dependencies have one direction: this package on those of commands, these on {@code option}, and
 * all of them on {@code io}.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli;
