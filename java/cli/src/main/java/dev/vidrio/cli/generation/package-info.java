/** Generation for one prompt of {@code vidrio run}, with its options. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.generation;
