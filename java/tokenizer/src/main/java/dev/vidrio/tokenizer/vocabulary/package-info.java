/**
 * The tokenizer data of model files: a {@link dev.vidrio.tokenizer.vocabulary.Vocabulary} lists
 * tokens with types and roles and has the {@link dev.vidrio.tokenizer.vocabulary.TokenModel} that
 * encodes text.
 */
@NullMarked
package dev.vidrio.tokenizer.vocabulary;

import org.jspecify.annotations.NullMarked;
