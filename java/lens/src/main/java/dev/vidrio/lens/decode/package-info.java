/**
 * What activations and weights say: probes, erasure, sparse autoencoders, the tuned lens,
 * Patchscopes and projections on the vocabulary (section 4 of the primer, arXiv 2405.00208).
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.lens.decode;
