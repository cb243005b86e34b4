/** A conversation at the terminal: its loop, its commands, and the line that a user edits. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.chat;
