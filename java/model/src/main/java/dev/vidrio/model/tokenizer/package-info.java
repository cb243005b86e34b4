/**
 * Turns text into token ids and back, exactly as the model was trained.
 *
 * <p>Start at {@link dev.vidrio.model.tokenizer.Tokenizers#fromGguf}.
 */
@NullMarked
package dev.vidrio.model.tokenizer;

import org.jspecify.annotations.NullMarked;
