/**
 * Figures that say how good a model is, comparable with those of other programs: perplexity,
 * log-likelihoods of continuations, divergence between two models; and embeddings of texts.
 *
 * <p>All of them run many sequences, several to a step, and keep no more than one step's logits.
 */
@NullMarked
package dev.vidrio.model.evaluation;

import org.jspecify.annotations.NullMarked;
