/**
 * Byte-pair encoding: merges adjacent symbols into tokens, the pair of lowest rank first, over
 * bytes, over the characters of words, or over whole segments as SentencePiece does. Not exported.
 */
@NullMarked
package dev.vidrio.tokenizer.bpe;

import org.jspecify.annotations.NullMarked;
