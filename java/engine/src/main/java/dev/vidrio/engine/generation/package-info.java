/**
 * What an engine is asked to generate, a {@link dev.vidrio.engine.generation.GenerationRequest},
 * and what comes of it: a {@link dev.vidrio.engine.generation.TokenStream} of tokens and the {@link
 * dev.vidrio.engine.generation.Completion} at its end.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.engine.generation;
