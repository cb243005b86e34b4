/**
 * What model files say about their tokenizers. A {@link dev.vidrio.tokenizer.vocabulary.Vocabulary}
 * lists tokens with their types and roles, and names the algorithm that turns text into tokens.
 */
@NullMarked
package dev.vidrio.tokenizer.vocabulary;

import org.jspecify.annotations.NullMarked;
