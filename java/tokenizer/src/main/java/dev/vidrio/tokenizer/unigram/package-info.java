/**
 * The unigram language model: text is cut into the tokens that are most probable together. The
 * module keeps it to itself.
 */
@NullMarked
package dev.vidrio.tokenizer.unigram;

import org.jspecify.annotations.NullMarked;
