/**
 * Hugging Face tokenizers: reads {@code tokenizer.json} as a vocabulary, and runs its pipelines.
 * Not exported.
 */
@NullMarked
package dev.vidrio.tokenizer.huggingface;

import org.jspecify.annotations.NullMarked;
