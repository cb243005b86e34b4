/**
 * Many requests to one model at a time.
 *
 * <p>{@link dev.vidrio.engine.Engine} takes {@link dev.vidrio.engine.generation.GenerationRequest}s
 * of any thread and answers with {@link dev.vidrio.engine.generation.TokenStream}s; one thread of
 * its own schedules the steps. The module keeps to itself what the scheduler is made of: {@code
 * text}, the texts of a request while they grow, {@code draft}, guesses at how they go on, and
 * {@code pace}, how long all that takes.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.engine;
