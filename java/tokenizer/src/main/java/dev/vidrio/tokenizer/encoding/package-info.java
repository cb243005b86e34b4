/**
 * The common parts of the encoding models: text and word models, the list they append to, token
 * lookup and the word cache. Not exported.
 */
@NullMarked
package dev.vidrio.tokenizer.encoding;

import org.jspecify.annotations.NullMarked;
