/**
 * {@linkplain dev.vidrio.lens.decode.sae.SparseAutoencoder Sparse autoencoders} and transcoders in
 * SAELens's format: training, evaluation, and splicing into a running model.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.lens.decode.sae;
