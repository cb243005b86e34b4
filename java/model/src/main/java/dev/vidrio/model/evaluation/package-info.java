/**
 * Measures how good a model is, comparably with other programs: perplexity, log-likelihoods of
 * continuations, divergence between two models. Also embeds texts.
 *
 * <p>All of them batch sequences and keep at most one step's logits.
 */
@NullMarked
package dev.vidrio.model.evaluation;

import org.jspecify.annotations.NullMarked;
