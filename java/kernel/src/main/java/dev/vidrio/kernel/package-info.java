/**
 * Models as plans, and the executors that run them.
 *
 * <p>A {@link dev.vidrio.kernel.Plan} describes; an {@link dev.vidrio.kernel.Executor} makes it
 * {@linkplain dev.vidrio.kernel.ExecutablePlan executable} and runs it for a {@link
 * dev.vidrio.kernel.Batch} over a {@link dev.vidrio.kernel.KvCache}. A plan is a list of operations
 * of the package {@code op}, over matrices of {@code weight}; those that watch and edit activations
 * refer to tables of {@code hook}. {@code gradient} derives the plan of the way back. Executors lay
 * plans out by {@code execution}; the native one is {@code ffm}.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel;
