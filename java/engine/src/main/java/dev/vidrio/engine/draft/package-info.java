/** Speculative decoding: proposes tokens by a smaller model or by prompt lookup. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.engine.draft;
