/**
 * Generates text from one sequence: a {@link dev.vidrio.model.generation.TextStream} delivers it
 * while it is generated, and a {@link dev.vidrio.model.generation.Generator} exposes each token and
 * its logits.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.generation;
