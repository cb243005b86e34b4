/** The vidrio command: one class per command, each thin over the library. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli;
