/**
 * Serves many requests to one model at once, with continuous batching.
 *
 * <p>{@link dev.vidrio.engine.Engine} receives {@link
 * dev.vidrio.engine.generation.GenerationRequest}s from any thread and answers with {@link
 * dev.vidrio.engine.generation.TokenStream}s; its scheduling thread runs the steps. The parts of
 * the scheduler are not exported: {@code request} has running requests, {@code sequence} their
 * token sequences and the prefix cache, {@code draft} speculative decoding, and {@code pace}
 * measured times.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.engine;
