/**
 * Converts text to token ids and back, exactly as the model was trained.
 *
 * <p>Start at {@link dev.vidrio.tokenizer.Tokenizers}; a {@link dev.vidrio.tokenizer.Tokenizer}
 * encodes and decodes, and a {@link dev.vidrio.tokenizer.TokenDecoder} decodes a stream.
 *
 * <p>Implementation: files are read as a {@link dev.vidrio.tokenizer.vocabulary.Vocabulary}, GGUF
 * here and {@code tokenizer.json} in {@code huggingface}. A tokenizer finds the literal tokens of a
 * text and passes the segments between them to the vocabulary's model: {@code bpe}, {@code unigram}
 * or a pipeline of {@code huggingface}. These share {@code encoding}, transform text with {@code
 * normalization} and split it with {@code word}, both by means of {@code regex}. {@code text} has
 * the UTF-8 primitives.
 */
@NullMarked
package dev.vidrio.tokenizer;

import org.jspecify.annotations.NullMarked;
