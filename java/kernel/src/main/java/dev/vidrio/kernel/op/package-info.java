/**
 * The operations of plans and the activations that they read and write. Constructors check shapes,
 * so that executors need not; docs/numerics.md specifies the arithmetic.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.op;
