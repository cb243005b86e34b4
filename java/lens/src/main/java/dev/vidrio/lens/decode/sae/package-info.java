/**
 * {@linkplain dev.vidrio.lens.decode.sae.SparseAutoencoder Sparse autoencoders} and transcoders: as
 * SAELens writes their files, trained here, evaluated, and spliced into a model that runs.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.lens.decode.sae;
