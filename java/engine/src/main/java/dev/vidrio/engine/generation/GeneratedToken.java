package dev.vidrio.engine.generation;

import org.jspecify.annotations.Nullable;

/**
 * A token of an answer.
 *
 * @param id the token
 * @param text text to show now, never part of a character or a possible beginning of a stop text;
 *     so it is often empty or belongs to earlier tokens
 * @param logProbability its log-probability, if requested
 */
public record GeneratedToken(int id, String text, @Nullable TokenLogProbability logProbability) {}
