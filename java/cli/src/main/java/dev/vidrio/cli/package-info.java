/**
 * The vidrio command, {@link dev.vidrio.cli.Main}: one class per command, each thin over the
 * library.
 *
 * <p>A class is named by the last word of its command, and its package by the words before: {@code
 * vidrio lens sae train} is {@code dev.vidrio.cli.lens.decode.sae.TrainCommand}. A command of
 * commands lies with them: {@code LensCommand} in {@code lens}.
 *
 * <p>Commands share {@code option}, the options that they mix in, and {@code io}, what they read
 * and write. Packages depend on each other in one direction: this one on those of commands, these
 * on {@code option}, and all of them on {@code io}.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli;
