/**
 * Gradients of plans with respect to activations, as other plans: {@link
 * dev.vidrio.kernel.gradient.Gradient} derives them.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.gradient;
