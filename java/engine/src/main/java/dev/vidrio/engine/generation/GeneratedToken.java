package dev.vidrio.engine.generation;

import org.jspecify.annotations.Nullable;

/**
 * A token of an answer.
 *
 * @param id the token
 * @param text what may be shown now: no part of a character, and nothing that may turn out to be
 *     the beginning of a stop text, so that it is often empty or belongs to earlier tokens
 * @param logProbability how likely it was, where the request asks for that
 */
public record GeneratedToken(int id, String text, @Nullable TokenLogProbability logProbability) {}
