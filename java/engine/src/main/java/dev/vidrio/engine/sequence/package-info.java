/**
 * The token sequences of running requests, and the prefix cache that shares their blocks and states
 * with later requests.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.engine.sequence;
