/**
 * {@linkplain dev.vidrio.lens.decode.sae.index.FeatureIndexer Indexes} of all features of sparse
 * autoencoders and transcoders over a corpus: densities, histograms, examples, promoted tokens.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.lens.decode.sae.index;
