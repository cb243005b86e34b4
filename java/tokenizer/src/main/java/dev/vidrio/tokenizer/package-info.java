/**
 * Turns text into token ids and back, exactly as the model was trained.
 *
 * <p>Start at {@link dev.vidrio.tokenizer.Tokenizers#fromGguf}. Files are read as a {@link
 * dev.vidrio.tokenizer.vocabulary.Vocabulary}: those of GGUF here, {@code tokenizer.json} in {@code
 * huggingface}. A tokenizer finds the literal tokens of a text and gives what lies between to the
 * model of the vocabulary: one of {@code bpe}, {@code unigram}, or a pipeline of {@code
 * huggingface}. These share {@code encoding}; they change text by {@code normalization} and cut it
 * by {@code word}, which both find places by {@code regex}. At the bottom, {@code text} knows
 * characters.
 */
@NullMarked
package dev.vidrio.tokenizer;

import org.jspecify.annotations.NullMarked;
