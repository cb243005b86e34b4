/**
 * Many requests to one model at a time.
 *
 * <p>{@link dev.vidrio.engine.Engine} takes {@link dev.vidrio.engine.GenerationRequest}s of any
 * thread and answers with {@link dev.vidrio.engine.TokenStream}s; one thread of its own schedules
 * the steps.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.engine;
