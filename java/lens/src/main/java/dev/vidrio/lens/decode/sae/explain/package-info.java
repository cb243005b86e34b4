/**
 * {@linkplain dev.vidrio.lens.decode.sae.explain.FeatureExplainer Explanations} of features in
 * words by a chat model, and their scores.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.lens.decode.sae.explain;
