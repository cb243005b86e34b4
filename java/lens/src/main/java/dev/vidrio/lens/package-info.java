/**
 * Runs models with access to their activations. {@link dev.vidrio.lens.Lens} runs texts and keeps
 * activations, {@link dev.vidrio.lens.LensSession} does so step by step, {@link
 * dev.vidrio.lens.GradientSession} adds backward passes, {@link dev.vidrio.lens.Sweep} runs many
 * variants of a text, and {@link dev.vidrio.lens.ActivationStatistics} summarizes texts of any
 * length.
 *
 * <p>{@link dev.vidrio.lens.hook} has activations, interventions and callbacks. The methods are in
 * packages named after the terms of the primer (arXiv 2405.00208):
 *
 * <ul>
 *   <li>{@link dev.vidrio.lens.inspect} inspects the residual stream.
 *   <li>{@link dev.vidrio.lens.attribute} attributes predictions to tokens.
 *   <li>{@link dev.vidrio.lens.intervene} changes activations, and {@link dev.vidrio.lens.circuit}
 *       the edges between components.
 *   <li>{@link dev.vidrio.lens.decode} decodes activations and weights, with {@link
 *       dev.vidrio.lens.decode.probe} and {@link dev.vidrio.lens.decode.sae}.
 *   <li>{@link dev.vidrio.lens.detect} finds heads and neurons with known functions.
 *   <li>{@link dev.vidrio.lens.page} draws the results.
 * </ul>
 */
package dev.vidrio.lens;
