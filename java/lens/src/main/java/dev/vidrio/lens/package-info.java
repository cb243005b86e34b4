/**
 * Shows what happens inside a model while it runs. {@link dev.vidrio.lens.Lens} runs texts and
 * keeps activations, {@link dev.vidrio.lens.LensSession} does so step by step, {@link
 * dev.vidrio.lens.GradientSession} adds backward passes, {@link dev.vidrio.lens.Sweep} runs many
 * variants of a text, and {@link dev.vidrio.lens.ActivationStatistics} summarizes texts of any
 * length.
 *
 * <p>{@link dev.vidrio.lens.hook} has hook points, activations and edits. The methods are in
 * packages named after the terms of the primer (arXiv 2405.00208):
 *
 * <ul>
 *   <li>{@link dev.vidrio.lens.see} looks at the residual stream.
 *   <li>{@link dev.vidrio.lens.attribute} says how much each token contributes.
 *   <li>{@link dev.vidrio.lens.intervene} changes activations, and {@link dev.vidrio.lens.circuit}
 *       the edges between components.
 *   <li>{@link dev.vidrio.lens.decode} reads what activations and weights say, with {@link
 *       dev.vidrio.lens.decode.probe} and {@link dev.vidrio.lens.decode.sae}.
 *   <li>{@link dev.vidrio.lens.detect} finds heads and neurons with known functions.
 *   <li>{@link dev.vidrio.lens.page} draws the results.
 * </ul>
 */
package dev.vidrio.lens;
