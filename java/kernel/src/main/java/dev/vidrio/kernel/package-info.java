/**
 * Models as plans, and the executors that run them.
 *
 * <p>A {@link dev.vidrio.kernel.Plan} describes; an {@link dev.vidrio.kernel.Executor} makes it
 * {@linkplain dev.vidrio.kernel.ExecutablePlan executable} and runs it for a {@link
 * dev.vidrio.kernel.Batch} over a {@link dev.vidrio.kernel.KvCache}. A plan is a list of operations
 * ({@code op}) over weight matrices ({@code weight}); operations at hook points refer to tables of
 * edits and targets of taps ({@code hook}). Passes ({@code pass}) transform plans; one of them
 * derives gradients. Executors schedule plans and assign memory by {@code execution}; the native
 * executor is in {@code ffm}.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel;
