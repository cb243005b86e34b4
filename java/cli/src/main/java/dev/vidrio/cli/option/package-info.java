/**
 * Mixins of options that several commands share: model and executor, input text, sampling. {@link
 * dev.vidrio.cli.option.CommandGroup} is a command with subcommands, {@link
 * dev.vidrio.cli.option.ModelCommand} one that opens a model.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.option;
