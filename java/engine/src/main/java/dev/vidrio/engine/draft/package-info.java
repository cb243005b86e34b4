/** Guesses at how texts go on, which a step checks: by a draft model, or by what came before. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.engine.draft;
