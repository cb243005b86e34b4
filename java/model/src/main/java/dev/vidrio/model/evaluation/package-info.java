/**
 * Measures model quality comparably with other programs: perplexity, log-likelihoods of
 * continuations, and the divergence between two models. Also computes text embeddings.
 *
 * <p>All of them batch sequences and hold the logits of at most one step.
 */
@NullMarked
package dev.vidrio.model.evaluation;

import org.jspecify.annotations.NullMarked;
