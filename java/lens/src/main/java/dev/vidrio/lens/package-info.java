/**
 * A model under the lens: what the methods are made of. {@link dev.vidrio.lens.Lens} runs texts and
 * keeps activations, {@link dev.vidrio.lens.LensSession} does so step by step, {@link
 * dev.vidrio.lens.GradientSession} also runs back, {@link dev.vidrio.lens.Sweep} runs many variants
 * of a text, and {@link dev.vidrio.lens.ActivationStatistics} reads texts of any length.
 *
 * <p>{@link dev.vidrio.lens.hook} has what they speak of: points, activations, edits. The methods
 * have packages after the terms of the primer (arXiv 2405.00208):
 *
 * <ul>
 *   <li>{@link dev.vidrio.lens.see} looks at the residual stream.
 *   <li>{@link dev.vidrio.lens.attribute} tells how much each token counts.
 *   <li>{@link dev.vidrio.lens.intervene} changes activations, and {@link dev.vidrio.lens.circuit}
 *       what components tell each other.
 *   <li>{@link dev.vidrio.lens.decode} reads what activations and weights say, with {@link
 *       dev.vidrio.lens.decode.probe} and {@link dev.vidrio.lens.decode.sae}.
 *   <li>{@link dev.vidrio.lens.detect} finds heads and neurons that do what is known of others.
 *   <li>{@link dev.vidrio.lens.page} draws all that.
 * </ul>
 */
package dev.vidrio.lens;
