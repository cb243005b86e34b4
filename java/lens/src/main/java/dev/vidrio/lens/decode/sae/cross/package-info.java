/**
 * Features of several activations at once: {@linkplain dev.vidrio.lens.decode.sae.cross.Crosscoder
 * crosscoders} of layers or models, and the {@linkplain
 * dev.vidrio.lens.decode.sae.cross.CrossTraining training} of these and of cross-layer transcoders.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.lens.decode.sae.cross;
