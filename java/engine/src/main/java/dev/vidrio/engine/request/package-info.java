/**
 * Requests while they run: choosing tokens, beam search, log-probabilities, and the stream that
 * delivers the answer.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.engine.request;
