/** Commands that find the edges between components that an answer depends on. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens.circuit;
