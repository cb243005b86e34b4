/**
 * Changes activations to measure effects: ablation, steering, activation and path patching and
 * their estimates by gradients, causal tracing, interchange in subspaces (section 3.2 of the
 * primer, arXiv 2405.00208).
 */
package dev.vidrio.lens.intervene;
