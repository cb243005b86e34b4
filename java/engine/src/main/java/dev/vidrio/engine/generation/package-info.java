/**
 * Requests to an engine and their answers: a {@link dev.vidrio.engine.generation.GenerationRequest}
 * gives a {@link dev.vidrio.engine.generation.TokenStream} of tokens with a {@link
 * dev.vidrio.engine.generation.Completion} at its end.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.engine.generation;
