/**
 * A request while it runs: its texts, one or those of a beam search, the blocks of the cache that
 * they share with others, the tokens that may come next, and the stream that its reader has.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.engine.text;
