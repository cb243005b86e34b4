/**
 * Requests to an engine and their answers: a {@link dev.vidrio.engine.generation.GenerationRequest}
 * is answered by a {@link dev.vidrio.engine.generation.TokenStream} of tokens, which ends with a
 * {@link dev.vidrio.engine.generation.Completion}.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.engine.generation;
