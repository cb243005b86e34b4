/** Routes that encode text: {@code /v1/embeddings}, {@code /tokenize} and {@code /detokenize}. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.encoding;
