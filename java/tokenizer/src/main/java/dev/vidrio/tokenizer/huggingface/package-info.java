/**
 * What the {@code tokenizer.json} of Hugging Face tokenizers says, read as a vocabulary, and its
 * pipelines, which are models of text by themselves. The module keeps it to itself.
 */
@NullMarked
package dev.vidrio.tokenizer.huggingface;

import org.jspecify.annotations.NullMarked;
