/**
 * Decodes activations and weights (section 4 of the primer, arXiv 2405.00208): tuned lens,
 * Patchscopes, projections onto the vocabulary, and max-activating examples. {@link
 * dev.vidrio.lens.decode.probe} has probes and erasure, {@link dev.vidrio.lens.decode.sae} sparse
 * autoencoders.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.lens.decode;
