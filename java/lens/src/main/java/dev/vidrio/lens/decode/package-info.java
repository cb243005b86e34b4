/**
 * What activations and weights say (section 4 of the primer, arXiv 2405.00208): the tuned lens,
 * Patchscopes, projections on the vocabulary, and the texts where a unit is most active. {@link
 * dev.vidrio.lens.decode.probe} has probes and erasure, {@link dev.vidrio.lens.decode.sae} sparse
 * autoencoders.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.lens.decode;
