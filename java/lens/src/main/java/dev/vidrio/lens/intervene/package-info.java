/**
 * What a model does when activations are others: ablation, steering, patching of activations and
 * paths and its estimates by gradients, causal tracing, interchange in subspaces (section 3.2 of
 * the primer, arXiv 2405.00208).
 */
package dev.vidrio.lens.intervene;
