/** A conversation at the terminal: its loop, its commands, and line editing. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.chat;
