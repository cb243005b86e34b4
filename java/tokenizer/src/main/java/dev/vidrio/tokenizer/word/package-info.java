/**
 * Splits text into words before encoding: the pre-tokenizers of model families and the steps of
 * Hugging Face pipelines. Not exported.
 */
@NullMarked
package dev.vidrio.tokenizer.word;

import org.jspecify.annotations.NullMarked;
