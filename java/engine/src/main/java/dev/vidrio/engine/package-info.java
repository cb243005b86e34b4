/**
 * Serves many requests to one model at once, with continuous batching.
 *
 * <p>{@link dev.vidrio.engine.Engine} takes {@link dev.vidrio.engine.generation.GenerationRequest}s
 * from any thread and answers with {@link dev.vidrio.engine.generation.TokenStream}s; its own
 * thread schedules the steps. The parts of the scheduler are not exported: {@code text} has the
 * texts of running requests, {@code draft} speculative decoding, and {@code pace} measured times.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.engine;
