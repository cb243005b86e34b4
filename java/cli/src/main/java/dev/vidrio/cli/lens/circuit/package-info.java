/** Commands that find the edges between components that an answer needs. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens.circuit;
