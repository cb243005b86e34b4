/**
 * The vidrio command, {@link dev.vidrio.cli.Main}: one class per command, each thin over the
 * library.
 *
 * <p>A class is named by the last word of its command, and its package by the words before: {@code
 * vidrio eval logits} is {@code dev.vidrio.cli.eval.LogitsCommand}. Those of the lens lie by kind
 * of method, as in {@code dev.vidrio.lens}: {@code vidrio lens patch} is {@code
 * dev.vidrio.cli.lens.intervene.PatchCommand}. A command of commands lies with them: {@code
 * LensCommand} in {@code lens}.
 *
 * <p>Commands share {@code option}, the options that they mix in, and {@code io}, what they read
 * and write. Packages depend on each other in one direction: this one on those of commands, these
 * on {@code option}, and all of them on {@code io}.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli;
