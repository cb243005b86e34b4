/**
 * The operations of plans and the activations that they read and write. Records check shapes, so
 * that executors need not; docs/numerics.md specifies what they compute.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.op;
