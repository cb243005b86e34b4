/**
 * Runs a model step by step: a {@link dev.vidrio.model.session.Session} executes batches of tokens
 * of several {@link dev.vidrio.model.session.Sequence}s over one key-value cache.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.session;
