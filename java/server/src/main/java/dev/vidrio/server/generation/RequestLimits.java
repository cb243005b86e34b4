package dev.vidrio.server.generation;

import java.time.Duration;

/**
 * Limits of a request.
 *
 * @param tokens maximum tokens of an answer, and the default of a chat
 * @param choices maximum answers to all prompts
 * @param time maximum duration
 */
public record RequestLimits(int tokens, int choices, Duration time) {}
