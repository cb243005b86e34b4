/** What {@code vidrio run} generates for one prompt, and the options that only this has. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.generation;
