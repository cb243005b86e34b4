/** Chooses the next token from logits. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.sampling;
