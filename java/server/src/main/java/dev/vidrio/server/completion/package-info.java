/**
 * What is done with plain texts: {@code /v1/completions} continues them, {@code /v1/embeddings}
 * makes vectors of them, {@code /tokenize} tokens, and {@code /detokenize} texts of those.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.completion;
