package dev.vidrio.server.generation;

import java.time.Duration;

/**
 * What one request may ask for.
 *
 * @param tokens tokens of an answer, which is also what a chat gets that does not say
 * @param choices answers, over all of its prompts
 * @param time how long it may be worked on
 */
public record RequestLimits(int tokens, int choices, Duration time) {}
