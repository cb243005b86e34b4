/** Commands about the recall of facts, their rewriting, and tasks learned from examples. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens.fact;
