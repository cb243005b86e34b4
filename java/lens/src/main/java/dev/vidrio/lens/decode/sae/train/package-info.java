/**
 * Training of features on a text that streams through a model: {@linkplain
 * dev.vidrio.lens.decode.sae.train.StreamedTraining rounds, memory and checkpoints}, and the
 * {@linkplain dev.vidrio.lens.decode.sae.train.FeatureWeights weights of features}, of dictionaries
 * of one layer and of several.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.lens.decode.sae.train;
