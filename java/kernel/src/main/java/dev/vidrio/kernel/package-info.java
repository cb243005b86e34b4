/**
 * Models as plans: typed operations over named activations, and the executors that run them.
 *
 * <p>A {@link dev.vidrio.kernel.Plan} describes; an {@link dev.vidrio.kernel.Executor} makes it
 * {@linkplain dev.vidrio.kernel.ExecutablePlan executable} and runs it for a {@link
 * dev.vidrio.kernel.Batch}. docs/numerics.md specifies every {@linkplain dev.vidrio.kernel.Op
 * operation}.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel;
