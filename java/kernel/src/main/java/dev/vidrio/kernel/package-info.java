/**
 * Models as plans, and the executors that run them.
 *
 * <p>A {@link dev.vidrio.kernel.Plan} describes; an {@link dev.vidrio.kernel.Executor} makes it
 * {@linkplain dev.vidrio.kernel.ExecutablePlan executable} and runs it for a {@link
 * dev.vidrio.kernel.Batch} over a {@link dev.vidrio.kernel.KvCache}. A plan is a list of operations
 * ({@code op}) over weight matrices ({@code weight}); those that watch and edit activations refer
 * to tables ({@code hook}). {@code gradient} derives the plan of the backward pass. Executors
 * schedule and lay out plans by {@code execution}; the native executor is in {@code ffm}.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel;
