/**
 * Options that commands of every kind share: which model runs, on what and how exactly, the text it
 * is given, and how tokens are chosen. Commands mix them in. {@link
 * dev.vidrio.cli.option.CommandGroup} is for commands that have others.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.option;
