/** Chooses the next token from logits: sampling, penalties and log-probabilities. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.sampling;
