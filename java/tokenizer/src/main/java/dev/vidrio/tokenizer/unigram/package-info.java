/**
 * The unigram language model: segments text into the most probable sequence of tokens. Not
 * exported.
 */
@NullMarked
package dev.vidrio.tokenizer.unigram;

import org.jspecify.annotations.NullMarked;
