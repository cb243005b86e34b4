/**
 * What model files say about their tokenizers. A {@link
 * dev.vidrio.model.tokenizer.vocabulary.Vocabulary} lists tokens, their types and roles, and says
 * by which model text becomes tokens.
 */
@NullMarked
package dev.vidrio.model.tokenizer.vocabulary;

import org.jspecify.annotations.NullMarked;
