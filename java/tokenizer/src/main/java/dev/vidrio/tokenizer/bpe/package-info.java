/**
 * Byte-pair encoding: tokens come about by merging neighbours, the pair of lowest rank first, over
 * bytes, over the characters of words or, as SentencePiece has it, of whole texts. The module keeps
 * it to itself.
 */
@NullMarked
package dev.vidrio.tokenizer.bpe;

import org.jspecify.annotations.NullMarked;
