/**
 * Text normalization and token spellings: the transforms of Hugging Face pipelines, SentencePiece's
 * spaces, GPT-2's byte alphabet. Not exported.
 */
@NullMarked
package dev.vidrio.tokenizer.normalization;

import org.jspecify.annotations.NullMarked;
