/** Regular expressions of tokenizers, matched in linear time. Not exported. */
@NullMarked
package dev.vidrio.tokenizer.regex;

import org.jspecify.annotations.NullMarked;
